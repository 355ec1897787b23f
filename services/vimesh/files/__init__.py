"""Reads files that people and programs write: YAML, JSON, TOML and lines.

Size, depth and count are bounded before anything is built, and each error names its place. Imports no other package of
vimesh, and knows nothing of what the files mean.
"""
