"""The ports of a conductor and its health. Health is answered while the loop is busy."""
