"""Notifies a supervisor that a process still works, and records what it works on.

Read `heartbeat` first. The record survives the process: it names the call, or the VIM, that ended it.
"""
