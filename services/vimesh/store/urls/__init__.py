"""What a database URL says. Nothing here connects to anything."""
