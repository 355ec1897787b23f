"""One module for each command except `vimesh vim`. A command reads its flags and delegates the work."""
