"""The bridge as one process. Its parts are put together here and nowhere else."""
