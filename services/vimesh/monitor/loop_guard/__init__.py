"""Keeps one VIM from holding up the loop that all share. What it decides outlives the process."""
