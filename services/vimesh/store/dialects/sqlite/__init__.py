"""SQLite: a file that runs in our process."""
