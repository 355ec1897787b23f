"""Follows one call through the processes of a fleet: by its request id in every log, and by spans if it is traced.

Start with `current_request.py`, and with `spans.py`; `otlp_tracer.py` alone needs OpenTelemetry.
"""
