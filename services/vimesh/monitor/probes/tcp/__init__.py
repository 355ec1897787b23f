"""The prober for all methods over TCP, with a limit on open sockets."""
