"""The `vimesh version`, `vimesh whoami` and `vimesh auth` commands: who answers, and who asks."""
