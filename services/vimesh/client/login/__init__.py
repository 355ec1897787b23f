"""Keeps a login at an OpenID Connect issuer: its files, and the exchange of its refresh token for another token.

How a person logs in is the business of the command line (`vimesh.cli.login`).
"""
