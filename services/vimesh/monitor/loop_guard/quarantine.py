"""Decides which VIMs are set aside because they held the loop."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from vimesh.domain.probing import AuthUrlPart
from vimesh.monitor.loop_guard.conduct_file import read_conducts, write_conducts
from vimesh.monitor.loop_guard.vim_conduct import Hold, VimConduct
from vimesh.monitor.targets.target import Target

_log = structlog.get_logger()

MAX_ENTRIES = 1000
_BLAMELESS = VimConduct()


class Quarantine:
    """Remembers holds by auth_url and method: a VIM that gets other ones has a fresh start.

    VIMs with the same auth_url and method share a record, because the same server answers for them.
    """

    def __init__(self, path: Path | None = None, *, clock: Callable[[], float] = time.time) -> None:
        """Load the records from `path`; None: they are lost with the process."""
        self._path = path
        self._clock = clock
        self._conducts = {} if path is None else read_conducts(path)
        self.aside: dict[Target, str] = {}
        """The targets that are set aside, with their keys."""
        self._write_failed = False

    def enlist(self, target: Target) -> None:
        """Look up the record of a new target."""
        if not self._conducts:
            return
        key = key_of(target)
        for vim_id, _ in target.actions():
            # The previous process left only the id of the VIM on which it ended.
            for hold in self._conducts.pop(vim_id, _BLAMELESS).holds:
                self._conducts[key] = self._of(key).after_hold(hold)
        if self._of(key).aside:
            self.aside[target] = key

    def dismiss(self, target: Target) -> None:
        """Drop a target that is no longer probed. Its record is kept."""
        self.aside.pop(target, None)

    def note_crash(self, vim_id: str) -> None:
        """Record that the previous process ended while it worked on the VIM."""
        self._set(vim_id, self._of(vim_id).after_hold(Hold(self._clock(), None)))

    def note_hold(self, target: Target, held_s: float) -> bool:
        """Record that work on the target held the loop; return whether the target is set aside now."""
        key = key_of(target)
        conduct = self._of(key).after_hold(Hold(self._clock(), held_s))
        self._set(key, conduct)
        if conduct.aside:
            self.aside[target] = key
        return conduct.aside

    def __contains__(self, target: Target) -> bool:
        """Return whether the target is set aside."""
        key = self.aside.get(target)
        if key is None:
            return False
        if not self._of(key).aside:
            del self.aside[target]  # another target with the same record has passed its retries
            return False
        return True

    def admits(self, target: Target) -> bool:
        """Return whether a round may begin now. For a target that is set aside, that round is a retry."""
        if target not in self:
            return True
        key, now = self.aside[target], self._clock()
        if self._of(key).retry_in_s(now) > 0:
            return False
        # Stored before the retry: if that ends the process, the next process does not start with it again.
        self._set(key, self._of(key).during_retry(now))
        return True

    def note_clean_retry(self, target: Target) -> None:
        """Record that the retry of a target that is set aside ended and has not held the loop so far."""
        key = self.aside[target]
        conduct = self._of(key).after_clean_retry(self._clock())
        self._set(key, conduct)
        if not conduct.aside:
            del self.aside[target]
            _log.info("a VIM is no longer set aside", vim_id=target.vim_id)

    def retry_in_s(self, target: Target) -> float:
        """Return how many seconds a target that is set aside has to wait."""
        return self._of(self.aside[target]).retry_in_s(self._clock())

    def detail(self, target: Target) -> str:
        """Return why a target is set aside, and when it is tried again."""
        return str(self._of(self.aside[target]))

    def _of(self, key: str) -> VimConduct:
        return self._conducts.get(key, _BLAMELESS)

    def _set(self, key: str, conduct: VimConduct) -> None:
        self._conducts.pop(key, None)
        self._conducts[key] = conduct  # the newest is last
        self._forget_what_is_old()
        if self._path is None:
            return
        try:
            write_conducts(self._path, self._conducts)
        except OSError as error:
            if not self._write_failed:
                _log.warning("the list of VIMs set aside cannot be stored", path=str(self._path), why=str(error))
            self._write_failed = True
        else:
            self._write_failed = False

    def _forget_what_is_old(self) -> None:
        now = self._clock()
        for key in [key for key, conduct in self._conducts.items() if conduct.is_outdated(now)]:
            del self._conducts[key]
        while len(self._conducts) > MAX_ENTRIES:
            del self._conducts[next(iter(self._conducts))]


def key_of(target: Target) -> str:
    """Return a key for everything that is probed, of bounded length and without the secrets of a query."""
    endpoint, method = target.endpoint, target.policy.method
    probed = f"{method} {endpoint.host}"
    if method.depends_on is not AuthUrlPart.HOST:
        probed += f" {endpoint.port}"
    if method.depends_on is AuthUrlPart.URL:
        probed += f" {endpoint.scheme} {endpoint.path}"
    return hashlib.sha256(probed.encode()).hexdigest()[:32]
