"""Finds targets with identical probes, so that VIMs that share an endpoint are probed once per round."""

from __future__ import annotations

from collections.abc import Hashable

from vimesh.monitor.targets.target import Target


class SharedProbes:
    """Finds the target that already sends the probes an action wants.

    Nearly all hosts have one target. There may be 100,000, so each of these costs one dictionary entry only.
    """

    def __init__(self) -> None:
        self._single: dict[str, Target] = {}
        self._several: dict[str, dict[Hashable, Target]] = {}
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def twin_of(self, target: Target) -> Target | None:
        """Return the target that sends the same probes, judged in the same way; None if there is none."""
        host = target.endpoint.host
        single = self._single.get(host)
        if single is not None:
            return single if single.identity == target.identity else None
        several = self._several.get(host)
        return several.get(target.identity) if several else None

    def add(self, target: Target) -> None:
        """Add a target that has no twin."""
        host = target.endpoint.host
        self._size += 1
        several = self._several.get(host)
        if several is not None:
            several[target.identity] = target
        elif (single := self._single.pop(host, None)) is not None:
            self._several[host] = {single.identity: single, target.identity: target}
        else:
            self._single[host] = target

    def remove(self, target: Target) -> None:
        """Remove a target that was added."""
        host = target.endpoint.host
        self._size -= 1
        several = self._several.get(host)
        if several is None:
            del self._single[host]
            return
        del several[target.identity]
        if not several:
            del self._several[host]
