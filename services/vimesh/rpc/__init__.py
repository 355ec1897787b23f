"""The gRPC plumbing that all processes share: the guarded server, channels and the watch of actions.

Read `guarded_server` first: there every request is admitted, parsed within bounds and checked, and every error becomes
a status. `rpc_table` has a row for each RPC. The package knows messages, but not what they do.
"""
