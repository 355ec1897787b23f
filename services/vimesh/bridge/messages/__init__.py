"""Reads and writes oslo.messaging's messages. Nothing of unbounded size is decoded."""
