"""Defines which host names, pages and proxies are trusted. Everything that is not named is untrusted."""
