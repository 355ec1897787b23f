"""Provides what each of our processes needs to keep running. Imports no other package of vimesh."""
