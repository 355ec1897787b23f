"""Logs people in at an OpenID Connect issuer, and keeps what it gave them valid.

Begin with `login_commands.py`. What an issuer answers is bounded in size and time (`issuer_http.py`), and an issuer has
to be the one that was asked for (`issuer_metadata.py`). A login is a folder of credentials like any other, with the
bearer token in `token`, so clients need to know nothing of issuers (`login_folder.py`).
"""
