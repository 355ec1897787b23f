"""A mail server with moods, and what its mails say of VIMs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Final

from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.simulation.notifications.moody_receiver import Arrival, TakenChange
from tests.support.notifier.smtp_server import Mail, Mailbox
from vimesh.v1.vim_pb2 import Vim, VimEvent

_TAKES, _REFUSES, _HANGS_UP = "takes", "refuses", "hangs up"
_MOODS: Final = {_TAKES: 60, _REFUSES: 20, _HANGS_UP: 20}
"""How often it takes a mail, refuses it for now, and takes it but hangs up before it says so."""
_CHANGE = re.compile(r"^(\S+)  (vim-\d+) is ([A-Z]+)", re.MULTILINE)

Revisions = Mapping[tuple[str, str, str], int]
"""Revisions of changes by time, to the second, VIM and status: no VIM changes to the same status twice in a second."""


class MoodyMailbox(Mailbox):
    def __init__(self, random: Random) -> None:
        super().__init__()
        self._random: Random | None = random
        self._are_confirmed: list[bool] = []
        """Of each mail that it has."""
        self.attempts = 0

    def calm_down(self) -> None:
        """Take everything from now on."""
        self._random = None

    def arrivals(self, revisions: Revisions, vim_ids: Mapping[str, str]) -> list[Arrival]:
        """Return what the mails say. `vim_ids`: by name."""
        return [
            Arrival(
                str(mail.message["Message-ID"]),
                str(mail.message["References"]),  # all mails of a group are one thread
                tuple(_changes(mail, revisions, vim_ids)),
                is_confirmed,
            )
            for mail, is_confirmed in zip(self.mails, self._are_confirmed, strict=True)
        ]

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.attempts += 1
        mood = self._choose()
        if mood == _REFUSES:
            return "451 not now"
        reply = await super().handle_DATA(server, session, envelope)
        self._are_confirmed.append(mood == _TAKES)
        if mood == _HANGS_UP:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
            await asyncio.Event().wait()  # that ends this task
        return reply

    def _choose(self) -> str:
        if self._random is None:
            return _TAKES
        # However short the run, it has all moods.
        if self.attempts <= len(_MOODS):
            return [*_MOODS][self.attempts - 1]
        return self._random.choices([*_MOODS], [*_MOODS.values()])[0]


def revisions_of(events: Sequence[VimEvent]) -> Revisions:
    return {
        (f"{event.time.ToDatetime():%Y-%m-%dT%H:%M:%SZ}", event.vim_id, Vim.Status.Name(event.status)): event.revision
        for event in events
        if event.kind == VimEvent.STATUS_CHANGED
    }


def _changes(mail: Mail, revisions: Revisions, vim_ids: Mapping[str, str]) -> Iterator[TakenChange]:
    text = mail.message.get_body(("plain",))
    assert text is not None
    for time, name, status in _CHANGE.findall(text.get_content()):
        vim_id = vim_ids[name]
        yield TakenChange(vim_id, revisions.get((time, vim_id, status), 0), status)
