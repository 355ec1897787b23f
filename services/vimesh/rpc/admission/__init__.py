"""Which calls are let in when there are too many. A call is refused before any of it is parsed."""
