"""SQL that is spelled or prepared in special ways. Knows no table."""
