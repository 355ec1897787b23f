"""Defines the tables and the stored form of values. Each change here needs a migration."""
