"""Completes words for shells: commands and flags by a table, names and labels by what was read of the fleet before.

It runs at each press of Tab, so it imports next to nothing: neither the library of the command line nor gRPC. Start
with `answer_shell.py`; `fetch_answers.py` is what another process does meanwhile.
"""
