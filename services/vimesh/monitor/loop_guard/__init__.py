"""Keeps one VIM from holding up the loop that all VIMs share. Its decisions outlive the process."""
