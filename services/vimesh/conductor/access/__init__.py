"""Who calls a conductor: headers that the front sets, the certificates of both, and the audit.

Start with `caller_headers.py`. Where identities are read and roles required: `rpc/call_entrance.py`.
"""
