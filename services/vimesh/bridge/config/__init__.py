"""Reads the deployment's settings from flags and files. Connects to nothing."""
