"""The demo: a local fleet, and endpoints that come and go. It has a fleet of its own."""
