"""Stores VIMs in a SQL database: the only SQL for the database of vimesh.

Read `sql_store` first: nearly every method is one transaction that calls one function of a package below. `reports` is
the hot path, `change_log` writes every change, `databases` runs transactions, and `dialects` holds everything in which
SQLite, PostgreSQL, MariaDB and MySQL differ, but for the turns that writers take on clusters of servers, which need the
tables (`databases/galera_turns.py`). All decisions about time use the database's clock, and every conductor may
do everything at any time.
"""
