"""Decides what a receiver is told, in which group and when. Start reading in `receiver_agenda.py`.

All of this is plain state: the time is passed in, and what is to be looked up, sent or recorded is returned as a step.
"""
