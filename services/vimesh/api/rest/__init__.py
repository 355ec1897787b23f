"""Tacker's REST API on top of gRPC. Every answer has Tacker's form, and is made from what a conductor said."""
