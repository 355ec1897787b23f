"""Carries out tasks of the workflow engine. Each is claimed first, so any number of processes may run."""
