"""Makes, upgrades and checks the tables. One process at a time changes them."""
