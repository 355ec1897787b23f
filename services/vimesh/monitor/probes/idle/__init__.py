"""Connections that stay open between probes. A failure on one of them proves nothing."""
