"""Serves ping actions that speak oslo.messaging: those of Tacker, and of Mistral workflows made for them.

Read `service/bridge_process` first, then `calls/call_dispatcher` for what a call becomes. A call is acknowledged only
after its answer, so that a bridge may be killed at any moment. The bridge is a gRPC client of the conductors; it opens
no database.
"""
