"""The command line `vimesh`.

`main` has the commands; `commands` and `vim` have a module for each, which reads flags and leaves the work to others:
`client` calls the mesh, `input` and `output` read and print, `processes` builds the long-running ones, `local_fleet` is
`vimesh up`. Commands for VIMs are gRPC clients and nothing more.
"""
