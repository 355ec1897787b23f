"""The command that serves the console and status pages."""
