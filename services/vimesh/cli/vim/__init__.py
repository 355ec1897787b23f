"""One module for each `vimesh vim` command. They are gRPC clients and nothing more."""
