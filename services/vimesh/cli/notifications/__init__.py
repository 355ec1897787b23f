"""The `vimesh receiver`, `vimesh notification` and `vimesh notify` commands: see `receiver_commands` and its like."""
