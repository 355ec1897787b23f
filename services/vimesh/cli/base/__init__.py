"""Settings, flags, exit codes and the terminal. Every command may use it; it uses no other folder of the CLI."""
