"""Prints the output of commands, without characters that could control a terminal."""
