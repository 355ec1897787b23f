"""Tells a supervisor that a process still works, and which call it was busy with when it stopped.

Read `heartbeat` first. What is written survives the process: it names the call, or the VIM, that ended it.
"""
