"""Runs the command line as `python -m vimesh.cli`."""

from __future__ import annotations

from vimesh.cli.start import main

if __name__ == "__main__":
    main()
