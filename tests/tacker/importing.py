"""Runs the import the way an operator does."""

from __future__ import annotations

from tests.support.callers.commands import Command, Ended
from tests.tacker.site import Site


def take(vimesh: Command, site: Site, *flags: str) -> Ended:
    """Run `vimesh import tacker` with JSON as its output."""
    keys = () if "--without-secrets" in flags else ("--fernet-keys", str(site.keys))
    return vimesh("import", "tacker", "--database-url", site.url, *keys, "-o", "json", *flags)


def results(ended: Ended) -> dict[str, str]:
    """Return what came of each VIM, by id."""
    return {row["id"]: f"{row['result']}: {row['detail']}".removesuffix(": ") for row in ended.json}
