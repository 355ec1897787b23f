"""PostgreSQL, directly or behind a pooler."""
