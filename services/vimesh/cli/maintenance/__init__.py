"""The `vimesh maintenance` commands: `maintenance_commands` assembles them."""
