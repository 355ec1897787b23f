"""Runs the bridge as one process. Its parts are assembled here and nowhere else."""
