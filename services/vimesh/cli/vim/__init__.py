"""One module for each `vimesh vim` command. All of them are pure gRPC clients."""
