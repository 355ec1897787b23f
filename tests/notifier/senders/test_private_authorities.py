"""Receivers may have a certificate of an authority that only they are to be believed by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.notifier.loopback_guard import guarding
from tests.support.notifier.scripted_http import scripted_http
from tests.support.notifier.server_certificate import certified, privately_certified
from tests.support.notifier.smtp_server import smtp_server
from tests.support.notifier.told_changes import change, notification
from vimesh.domain.notifications.targets import Target, target_of
from vimesh.notifier.senders.open_sender import open_sender
from vimesh.notifier.senders.sender import SendDelayed

HTTP_KINDS = ("alertmanager", "cloud_events", "tacker", "fault_management", "webhook")
MAIL = {"smtp_host": "127.0.0.1", "from_address": "vimesh@example.org", "to": ["ops@example.org"]}


async def send(target: Target) -> None:
    async with guarding() as guard:
        sender = open_sender(target, guard=guard, repeat_interval_s=60.0)
        try:
            await sender.send(notification(change()))
        finally:
            await sender.close()


def http_target(kind: str, port: int, authorities: str) -> Target:
    url = f"https://127.0.0.1:{port}"
    values: dict[str, Any] = {"urls": [url]} if kind == "alertmanager" else {"url": url}
    if kind == "webhook":
        values["body_template"] = "{}"
    return target_of(kind, {**values, "ssl_ca_cert": authorities})


@pytest.mark.parametrize("kind", HTTP_KINDS)
async def test_a_receiver_is_believed_by_its_own_authority_alone(kind: str, tmp_path: Path) -> None:
    context, authority = privately_certified(tmp_path, "127.0.0.1")
    _, other = privately_certified(tmp_path, "127.0.0.1", "other")
    async with scripted_http(tls=context) as server:
        for authorities in ("", other.file.read_text()):
            with pytest.raises(SendDelayed, match="cannot be verified"):
                await send(http_target(kind, server.port, authorities))
        assert not server.requests
        await send(http_target(kind, server.port, other.file.read_text() + authority.file.read_text()))

    assert len(server.requests) == 1


@pytest.mark.parametrize("tls", ["STARTTLS", "TLS"])
async def test_a_mail_server_is_believed_by_its_own_authority_alone(tls: str, tmp_path: Path) -> None:
    context, authority = privately_certified(tmp_path, "127.0.0.1")
    async with smtp_server(tls=context) if tls == "TLS" else smtp_server(starttls=context) as mailbox:
        target = {**MAIL, "smtp_port": mailbox.port, "tls": tls}
        with pytest.raises(SendDelayed, match="cannot be verified"):
            await send(target_of("email", target))
        await send(target_of("email", {**target, "ssl_ca_cert": authority.file.read_text()}))

    assert [mail.is_encrypted for mail in mailbox.mails] == [True]


async def test_with_authorities_of_its_own_those_of_the_system_do_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, other = privately_certified(tmp_path, "127.0.0.1", "other")
    async with scripted_http(tls=certified(tmp_path, monkeypatch, "127.0.0.1")) as server:
        await send(http_target("tacker", server.port, ""))
        with pytest.raises(SendDelayed, match="cannot be verified"):
            await send(http_target("tacker", server.port, other.file.read_text()))

    assert len(server.requests) == 1
