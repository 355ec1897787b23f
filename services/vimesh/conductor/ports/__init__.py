"""The ports of a conductor, and its health, which is answered even while the event loop is busy."""
