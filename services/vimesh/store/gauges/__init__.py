"""Reads what metrics say of the database: counts of VIMs and to-dos, and a page of VIMs with the columns they need."""
