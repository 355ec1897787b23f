"""The command line `vimesh`.

`main` assembles the commands. `commands` and `vim` have a module for each, which reads its flags and delegates the
work: `client` calls the mesh, `input` and `output` read and print, `processes` builds the long-running processes,
`local_fleet` is `vimesh up`. Commands for VIMs are pure gRPC clients.
"""
