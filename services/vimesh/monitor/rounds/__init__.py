"""Decides when each VIM is probed and what follows from the answers. Knows probers by their interface only."""
