"""One network namespace whose addresses can be made dark: tests/support/networks/namespaces.py has all of it.

with machine() as inside:
    command = inside.command("vimesh", "monitor")   # the words that run a program inside
    inside.drop(addresses)                          # dark, all at one instant
    inside.undrop(addresses)                        # healed
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from benchmarks.harness.peers import PeerMissing
from tests.support.networks.namespaces import Namespace, namespace, why_not


@contextmanager
def machine() -> Generator[Namespace]:
    """Yield a namespace in which all of 127.0.0.0/8 and fd00::/64 answer pings. Raises PeerMissing."""
    if reason := why_not():
        raise PeerMissing(reason)
    with namespace() as inside:
        yield inside
