"""Everything in which databases differ, with a folder for each of them.

`dialect` names all of it, `server_dialect` and `embedded_dialect` what opening a database takes. `registry` lists the
databases that there are: the rest of the store asks the dialect of its connection, and knows none by name.
"""
