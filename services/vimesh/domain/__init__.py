"""What vimesh knows: VIMs, actions, reports and how they are judged, leases, events, to-dos, probe policies.

Pure values and functions; the clock and the database are given to them. `vims.judge` is the fence: it decides whether
a report counts. `vim_store` is what the rest of the code asks of a store. Imports the standard library, `runtime` and
`files`.
"""
