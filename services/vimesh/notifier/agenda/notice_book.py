"""Holds what a receiver was told last of each VIM, and which of that is not on record yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from vimesh.domain.notifications.notices import Notice
from vimesh.domain.vims import Status


def open_problem(notice: Notice | None) -> Status | None:
    """Return the problem that the receiver was told of; None if it believes that all is well."""
    return None if notice is None or notice.resolved else notice.status


class NoticeBook:
    def __init__(self, notices: Iterable[Notice]) -> None:
        self._notices = {notice.vim_id: notice for notice in notices}
        self._unrecorded: set[str] = set()
        self._muted = {vim_id for vim_id, notice in self._notices.items() if notice.muted}
        self._over = {vim_id for vim_id, notice in self._notices.items() if notice.resolved}

    def __iter__(self) -> Iterator[Notice]:
        return iter(self._notices.values())

    def get(self, vim_id: str) -> Notice | None:
        return self._notices.get(vim_id)

    def or_new(self, vim_id: str) -> Notice:
        """Return the notice of a VIM, or one of a VIM that the receiver was told nothing of."""
        return self._notices.get(vim_id) or Notice(vim_id, "", "", None, "", None, 0, None, resolved=True)

    @property
    def muted(self) -> Iterable[str]:
        return self._muted

    def store(self, notice: Notice) -> None:
        self._notices[notice.vim_id] = notice
        self._unrecorded.add(notice.vim_id)
        (self._muted.add if notice.muted else self._muted.discard)(notice.vim_id)
        (self._over.add if notice.resolved else self._over.discard)(notice.vim_id)

    @property
    def has_unrecorded(self) -> bool:
        return bool(self._unrecorded)

    def renew(self, notice: Notice) -> None:
        """Store a notice, but without need put it on record."""
        self._notices[notice.vim_id] = notice

    def unrecorded(self) -> tuple[Notice, ...]:
        return tuple(self._notices[vim_id] for vim_id in sorted(self._unrecorded))

    def note_recorded(self, notices: Sequence[Notice], revision: int) -> None:
        """Take in that these notices, and the revision of the receiver, are on record.

        What is over and has been passed by the revision is forgotten: no change of it can come again.
        """
        for notice in notices:
            if self._notices.get(notice.vim_id) is notice:
                self._unrecorded.discard(notice.vim_id)
        for vim_id in [vim_id for vim_id in self._over if self._notices[vim_id].revision <= revision]:
            if vim_id not in self._unrecorded:
                self._over.discard(vim_id)
                del self._notices[vim_id]

    def clamp(self, revision: int) -> None:
        """Lower revisions that the log does not have: it was restored from a backup."""
        for notice in list(self._notices.values()):
            if notice.revision > revision:
                self.store(replace(notice, revision=revision))
