"""The tables, and how values are stored in them. Each change here needs a migration."""
