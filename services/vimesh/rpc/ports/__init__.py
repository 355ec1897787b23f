"""Binds gRPC servers to ports, and answers on one of them whether a process works, even while its loop is busy."""
