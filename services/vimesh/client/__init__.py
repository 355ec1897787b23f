"""Calls a fleet from Python: with asyncio (`AsyncClient`) or without (`Client`). See docs/using/python-client.md.

It needs nothing of a server: neither a database, nor a web server, nor the command line, which is built on it.
"""
