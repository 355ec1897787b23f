"""Creates, upgrades and checks the tables. Only one process at a time changes them. Read `manage_tables` first.

`table_versions` says which phase each migration is of, and which conductors can use the tables; `older_conductors` who
stands in the way of a contraction.
"""
