"""Probes VIMs. Folders: base; icmp; and tls, http, idle and tcp, each of which builds on those before it."""
