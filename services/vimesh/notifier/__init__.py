"""Tells receivers of changes (G19): the process `vimesh notify`. Start reading in `notifier_engine.py`.

`agenda` decides what a receiver is told next, without any input or output; `receiver_task.py` does what it decides.
"""
