"""Each kind of target has its sender, and none a way around the guard."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.notifier.loopback_guard import guarding
from vimesh.domain.notifications.targets import KINDS, EmailTarget, SmtpTls
from vimesh.notifier import senders
from vimesh.notifier.senders.email_sender import EmailSender
from vimesh.notifier.senders.open_sender import SENDERS, open_sender


def test_each_kind_has_a_sender() -> None:
    assert set(SENDERS) == set(KINDS.values())


async def test_a_target_gets_the_sender_of_its_kind() -> None:
    target = EmailTarget("127.0.0.1", 25, SmtpTls.NONE, "a@example.org", ("b@example.org",))
    async with guarding() as guard:
        sender = open_sender(target, guard=guard, repeat_interval_s=60.0)
        await sender.close()

    assert isinstance(sender, EmailSender)


def test_connections_are_opened_behind_the_guard_alone() -> None:
    folder = Path(senders.__file__).parent
    sources = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.py")}

    def those_with(pattern: str) -> set[str]:
        return {path for path, source in sources.items() if re.search(pattern, source)}

    assert those_with(r"socket\.socket\(") == {"target_guard.py"}
    assert those_with(r"create_connection\(|open_connection\(|sock_connect\(") == {"target_guard.py"}
    # Both are given the sockets of the guard.
    assert those_with(r"aiohttp\.(TCPConnector|ClientSession)\(") == {"http/http_poster.py"}
    assert those_with(r"aiosmtplib\.SMTP\(") == {"email_sender.py"}
