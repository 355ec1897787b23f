"""Certificates of a fleet: who its parts are, and the small authority that says so.

The files have the names that cert-manager, SPIFFE helpers and Kubernetes use, so that any of them can take the place of
this authority. Knows neither Envoy nor gRPC.
"""
