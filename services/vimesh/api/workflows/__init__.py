"""Carries out tasks in the workflow engine. Each task is claimed first, so any number of processes may run."""
