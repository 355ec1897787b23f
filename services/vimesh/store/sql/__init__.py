"""Builds and prepares SQL that differs between databases or runs often. Does not depend on the tables."""
