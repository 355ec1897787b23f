"""Implements `vimesh upgrade`: what is left to do to get a fleet to this release. `upgrade_plan` has the order."""
