"""Reads the files that operators have from other clients: clouds.yaml, kubeconfig, openrc, and Tacker's VIM files.

`file_kinds` recognizes them, `expand_entries` turns each into the entries that `vim_import` takes, one for each VIM,
and `fill_from_file` takes one of them for `vim register` and `vim set`. An entry carries what is to be told of it.
Nothing in these files is executed, fetched or asked for.
"""
