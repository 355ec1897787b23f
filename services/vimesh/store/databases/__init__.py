"""Runs transactions on each kind of database. Each is atomic: it takes effect as a whole or not at all."""
