"""One module for each command but `vimesh vim`. A command reads its flags and leaves the work to others."""
