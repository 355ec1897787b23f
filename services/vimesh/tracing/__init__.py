"""Follows one call through the processes of a fleet: by its request id in every log.

Start with `current_request.py`.
"""
