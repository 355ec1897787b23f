"""The store: the only SQL for the database of vimesh.

Read `sql_store` first: each method is one transaction that calls one function of a room below it. `reports` is the hot
path, `change_log` writes every change, `databases` runs transactions on SQLite, PostgreSQL and MariaDB, and `urls` and
`connections` lead to the servers. The database's clock decides, and every conductor may do everything at any time.
"""
