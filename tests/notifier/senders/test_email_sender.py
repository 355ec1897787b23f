"""A real SMTP server takes the e-mails."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import ssl
from collections.abc import Generator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.clouds.targets import free_port
from tests.support.networks.inside import run_inside
from tests.support.networks.namespaces import Namespace, namespace
from tests.support.networks.requiring import require_namespaces
from tests.support.notifier.loopback_guard import guarding
from tests.support.notifier.scripted_http import Answer, scripted_http
from tests.support.notifier.server_certificate import certified
from tests.support.notifier.smtp_server import Mailbox, smtp_server
from tests.support.notifier.told_changes import change, notification, vim_id
from vimesh.domain.notifications.notifications import ChangeKind, Notification, NotificationKind
from vimesh.domain.notifications.targets import EmailTarget, SmtpTls
from vimesh.notifier.senders.email_sender import EmailSender
from vimesh.notifier.senders.sender import SendDelayed, SenderSettings, SendRefused
from vimesh.notifier.senders.target_guard import TargetGuard
from vimesh.notifier.senders.texts.mail_message import CHANGES_IN_A_MAIL
from vimesh.target_rules.networks import parse_networks
from vimesh.target_rules.target_rules import NOTIFICATIONS, TargetRules

TOLD = notification(change(1), change(2, ChangeKind.RESOLVED))
NOW = dt.datetime(2026, 3, 1, 12, 30, tzinfo=dt.UTC)
TO = ("a@example.org", "b@example.org")


def target_at(mailbox: Mailbox, **fields: Any) -> EmailTarget:  # noqa: ANN401 - fields of a target
    plain = EmailTarget("127.0.0.1", mailbox.port, SmtpTls.NONE, "vimesh@example.org", TO)
    return replace(plain, **fields)


def sender_to(target: EmailTarget, guard: TargetGuard, limit_s: float = 15.0) -> EmailSender:
    return EmailSender(target, SenderSettings(guard, 0.0, limit_s), lambda: NOW)


async def send(target: EmailTarget, told: Notification = TOLD, limit_s: float = 15.0) -> None:
    async with guarding() as guard:
        await sender_to(target, guard, limit_s).send(told)


def encrypted(tls: SmtpTls, context: ssl.SSLContext) -> AbstractAsyncContextManager[Mailbox]:
    return smtp_server(tls=context) if tls is SmtpTls.TLS else smtp_server(starttls=context)


@pytest.fixture
def machine() -> Generator[Namespace]:
    require_namespaces()
    with namespace() as made:
        yield made


async def test_one_message_says_it_all_in_text_and_html() -> None:
    async with smtp_server() as mailbox:
        await send(target_at(mailbox, subject_prefix="[lab]"))

    (mail,) = mailbox.mails
    assert mail.recipients == list(TO)
    assert mail.message["Subject"] == "[lab] 2 VIMs changed: 1 with a problem, 1 resolved (reason TIMEOUT)"
    assert mail.message["From"] == "vimesh@example.org"
    assert mail.message["To"] == "a@example.org, b@example.org"
    assert mail.message["Auto-Submitted"] == "auto-generated"
    text = mail.message.get_body(("plain",))
    html = mail.message.get_body(("html",))
    assert text is not None
    assert html is not None
    for part in (text.get_content(), html.get_content()):
        assert "vim-1 is UNREACHABLE" in part
        assert "vim-2 is REACHABLE again" in part
        assert "TIMEOUT (no answer within 5 s)" in part
        assert "2026-03-01T12:00:00Z" in part
        assert f"vimesh vim show {vim_id(1)}" in part


async def test_a_repeat_has_the_same_id_and_a_group_is_a_thread() -> None:
    async with smtp_server() as mailbox:
        await send(target_at(mailbox))
        await send(target_at(mailbox))
        await send(target_at(mailbox), notification(change(1, ChangeKind.RESOLVED), number=2))

    first, repeat, resolved = (mail.message for mail in mailbox.mails)
    assert first["Message-ID"] == repeat["Message-ID"] != resolved["Message-ID"]
    assert first["References"] == resolved["References"]


async def test_what_a_name_contains_is_neither_a_header_nor_html() -> None:
    evil = replace(change(), vim_name="x\r\nBcc: evil@example.org\r\n\r\n<script>alert(1)</script>")
    async with smtp_server() as mailbox:
        await send(target_at(mailbox), notification(evil))

    (mail,) = mailbox.mails
    assert mail.recipients == list(TO)
    assert mail.message["Bcc"] is None
    html = mail.message.get_body(("html",))
    assert html is not None
    assert "<script>" not in html.get_content()


async def test_a_long_digest_is_cut_and_says_so() -> None:
    async with smtp_server() as mailbox:
        await send(target_at(mailbox), notification(*(change(number) for number in range(5000))))

    (mail,) = mailbox.mails
    text = mail.message.get_body(("plain",))
    assert text is not None
    assert f"... and {5000 - CHANGES_IN_A_MAIL} more changes" in text.get_content()
    assert "Affected: 5000 VIMs: vim-0, vim-1" in text.get_content()


async def test_a_test_says_that_it_is_one() -> None:
    async with smtp_server() as mailbox:
        await send(target_at(mailbox), notification(kind=NotificationKind.TEST))

    assert mailbox.mails[0].message["Subject"] == "Test of the receiver on-call"


@pytest.mark.parametrize("tls", [SmtpTls.STARTTLS, SmtpTls.TLS])
async def test_it_is_encrypted_before_the_password_is_sent(
    tls: SmtpTls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with encrypted(tls, certified(tmp_path, monkeypatch, "127.0.0.1")) as mailbox:
        await send(target_at(mailbox, tls=tls, username="me", password=mailbox.password))

    (mail,) = mailbox.mails
    assert mail.username == "me"
    assert mail.is_encrypted


@pytest.mark.parametrize("tls", [SmtpTls.STARTTLS, SmtpTls.TLS])
async def test_a_certificate_of_another_name_is_not_trusted(
    tls: SmtpTls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with encrypted(tls, certified(tmp_path, monkeypatch, "127.0.0.2")) as mailbox:
        with pytest.raises(SendDelayed, match="IP address mismatch"):
            await send(target_at(mailbox, tls=tls))

    assert not mailbox.mails


async def test_a_server_without_starttls_is_sent_nothing() -> None:
    async with smtp_server() as mailbox:
        with pytest.raises(SendDelayed, match="STARTTLS"):
            await send(target_at(mailbox, tls=SmtpTls.STARTTLS, username="me", password="secret"))

    assert not mailbox.mails


async def test_a_wrong_password_refuses_it_and_is_not_in_the_error() -> None:
    async with smtp_server() as mailbox:
        with pytest.raises(SendRefused, match="the mail server answered 535") as raised:
            await send(target_at(mailbox, username="me", password="wr0ng-password"))

    assert "wr0ng" not in str(raised.value)


@pytest.mark.parametrize(("reply", "kind"), [("451 later", SendDelayed), ("554 never", SendRefused)])
async def test_a_reply_decides_whether_it_is_tried_again(reply: str, kind: type[Exception]) -> None:
    async with smtp_server() as mailbox:
        mailbox.data_reply = reply
        with pytest.raises(kind, match=reply[:3]):
            await send(target_at(mailbox))


async def test_who_has_it_is_not_sent_it_again() -> None:
    async with smtp_server() as mailbox, guarding() as guard:
        sender = sender_to(target_at(mailbox), guard)
        mailbox.refuses = {"b@example.org": "450 mailbox busy"}
        with pytest.raises(SendDelayed, match=re.escape("450 for b@example.org")):
            await sender.send(TOLD)

        mailbox.refuses = {}
        await sender.send(TOLD)

    assert [mail.recipients for mail in mailbox.mails] == [["a@example.org"], ["b@example.org"]]


async def test_what_was_delivered_is_sent_to_all_if_it_is_sent_again() -> None:
    async with smtp_server() as mailbox, guarding() as guard:
        sender = sender_to(target_at(mailbox), guard)
        await sender.send(TOLD)
        await sender.send(TOLD)

    assert [mail.recipients for mail in mailbox.mails] == [list(TO), list(TO)]


async def test_who_has_it_is_not_sent_what_is_left_of_it_either() -> None:
    """A VIM was left out of the repeat, which has another id therefore. Another notification came between the two."""
    async with smtp_server() as mailbox, guarding() as guard:
        sender = sender_to(target_at(mailbox), guard)
        mailbox.refuses = {"b@example.org": "450 mailbox busy"}
        with pytest.raises(SendDelayed):
            await sender.send(TOLD)

        mailbox.refuses = {}
        await sender.send(notification(change(3), number=2))
        await sender.send(notification(TOLD.changes[1], number=3))
        await sender.send(notification(TOLD.changes[1], number=3))

    a, b = TO
    assert [mail.recipients for mail in mailbox.mails] == [[a], [a, b], [b], [a, b]]


async def test_nobody_misses_a_reminder_because_another_could_not_be_told() -> None:
    reminder = notification(change(1, ChangeKind.REMINDER), kind=NotificationKind.REMINDER)
    async with smtp_server() as mailbox, guarding() as guard:
        sender = sender_to(target_at(mailbox), guard)
        mailbox.refuses = {"b@example.org": "550 no such user"}
        with pytest.raises(SendRefused):
            await sender.send(reminder)
        with pytest.raises(SendRefused):
            await sender.send(replace(reminder, id=notification(number=2).id))

    assert [mail.recipients for mail in mailbox.mails] == [[TO[0]], [TO[0]]]


async def test_a_recipient_that_does_not_exist_is_told_of() -> None:
    async with smtp_server() as mailbox:
        mailbox.refuses = {"b@example.org": "550 no such user"}
        with pytest.raises(SendRefused, match=re.escape("550 for b@example.org")):
            await send(target_at(mailbox))

        mailbox.refuses |= {"a@example.org": "550 no such user"}
        with pytest.raises(SendRefused, match=re.escape("550 for a@example.org, b@example.org")):
            await send(target_at(mailbox))

    assert [mail.recipients for mail in mailbox.mails] == [["a@example.org"]]


async def test_an_address_that_cannot_be_in_a_message_refuses_it() -> None:
    async with smtp_server() as mailbox:
        with pytest.raises(SendRefused, match="an address of the receiver"):
            await send(target_at(mailbox, to=("=?utf-8?q?a=0Ab?=@example.org",)))

    assert not mailbox.connections


async def test_a_server_that_hangs_is_left_in_time() -> None:
    async with smtp_server() as mailbox:
        mailbox.hangs = True
        with pytest.raises(SendDelayed, match=r"within 0\.5 s"):
            await send(target_at(mailbox), limit_s=0.5)


async def test_a_server_that_is_none_delays_it() -> None:
    async with scripted_http(Answer(is_endless=True)) as server:
        with pytest.raises(SendDelayed):
            await send(target_at(Mailbox(port=server.port)), limit_s=0.5)
    with pytest.raises(SendDelayed, match="Connection refused"):
        await send(target_at(Mailbox(port=free_port())))


async def test_a_denied_server_is_not_connected_to() -> None:
    async with smtp_server() as mailbox, guarding(TargetRules(purpose=NOTIFICATIONS)) as guard:
        with pytest.raises(SendRefused, match="loopback addresses are not notified unless target_allow names them"):
            await sender_to(target_at(mailbox), guard).send(TOLD)

    assert not mailbox.connections


def test_only_this_machine_is_sent_anything_in_plain(machine: Namespace) -> None:
    """The contract demands an address of loopback; what counts is the one that is connected to."""
    machine.run("ip", "address", "add", "192.0.2.1/32", "dev", "lo")

    async def test() -> None:
        everywhere = TargetRules(allow=parse_networks("0.0.0.0/0"), purpose=NOTIFICATIONS)
        async with smtp_server(host="192.0.2.1") as mailbox, guarding(everywhere) as guard:
            with pytest.raises(SendRefused, match="without TLS"):
                await sender_to(target_at(mailbox, smtp_host="192.0.2.1"), guard).send(TOLD)
        assert mailbox.connections == 1
        assert not mailbox.mails

    run_inside(machine, lambda: asyncio.run(test()))
