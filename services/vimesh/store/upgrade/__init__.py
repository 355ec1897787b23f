"""Creates, upgrades and checks the tables. Only one process at a time changes them."""
