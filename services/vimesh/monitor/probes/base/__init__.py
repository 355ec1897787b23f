"""Shared parts of all probers. A local fault never counts as a failure of the VIM."""
