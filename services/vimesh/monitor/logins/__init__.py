"""Logs in to VIMs with their own credentials, rarely and carefully, and looks at the services of their catalogues."""
