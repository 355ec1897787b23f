"""Runs transactions on each kind of database. Each runs whole or leaves nothing."""
