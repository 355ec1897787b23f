"""Makes calls: the stubs of a front, which calls may be repeated, and how a failed one is told apart."""
