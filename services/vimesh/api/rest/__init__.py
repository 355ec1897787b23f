"""Tacker's REST API on top of gRPC. Every answer has Tacker's form, and is built from the answers of conductors."""
