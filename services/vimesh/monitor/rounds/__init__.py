"""Decides when each VIM is probed and what follows. Knows probers by their interface only."""
