"""gRPC as all processes use it: the guarded server, channels and the watch of actions.

Read `guarded_server` first: every request is admitted, parsed within bounds and checked there, and every error becomes
a status there. Knows messages, and nothing of what they do.
"""
