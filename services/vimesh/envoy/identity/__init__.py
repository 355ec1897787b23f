"""Finds out who calls a secured front, and refuses what the caller's roles do not allow.

`tls_sockets` and `token_issuers` check certificates and tokens, `caller_identity` makes an identity, roles and projects
of either, and `method_roles` compares the roles with the table of RPCs. All of it is native to Envoy, and from files.
"""
