"""Where a VIM is seen from: what each vantage says of it, and which status follows."""
