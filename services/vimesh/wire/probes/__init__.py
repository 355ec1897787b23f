"""Messages about probes that somebody asks for."""
