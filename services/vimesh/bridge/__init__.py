"""Serves ping actions that speak oslo.messaging: Tacker's own, and those of Mistral workflows written for Tacker.

Read `service/bridge_process` first, then `calls/call_dispatcher` for how a call is handled. A call is acknowledged only
after it has been answered, so a bridge can be killed at any moment. The bridge is a gRPC client of the conductors; it
opens no database.
"""
