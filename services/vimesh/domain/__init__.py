"""Defines what vimesh knows: VIMs, actions, reports and how they are judged, leases, events, to-dos, probe policies.

Pure values and functions; the clock and the database are passed in. `vims.judge` is the fence: it decides whether a
report counts. `vim_store` is what the rest of the code requires of a store. May import the standard library, `runtime`
and `files`.
"""
