"""Reads files that people and programs write: YAML, JSON, TOML and lines.

Size, depth and count are bounded, and an error names its line where there is one. Imports no other package of vimesh,
and does not know what the files mean.
"""
