"""The prober for everything over TCP. The number of open sockets is bounded."""
