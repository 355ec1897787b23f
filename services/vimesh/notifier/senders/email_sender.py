"""Sends each notification as one e-mail, by SMTP."""

from __future__ import annotations

import datetime as dt
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from ipaddress import ip_address
from typing import Final

import aiosmtplib

from vimesh.domain.notifications.notifications import Notification, NotificationKind
from vimesh.domain.notifications.targets import EmailTarget, SmtpTls
from vimesh.notifier.senders.delivery_progress import keys_of
from vimesh.notifier.senders.sender import SendDelayed, SenderSettings, SendRefused, time_limit
from vimesh.notifier.senders.target_guard import TargetDenied, reason_of
from vimesh.notifier.senders.texts.mail_message import mail_message

MAX_PARTIAL: Final = 8
"""Of messages that some recipients have, the oldest is forgotten."""
_PERMANENT: Final = 500
"""SMTP replies from here on say that the same will fail again (RFC 5321, 4.2.1)."""


@dataclass(frozen=True, slots=True)
class _PartialDelivery:
    """A message that some recipients have, and others do not."""

    keys: frozenset[str]
    recipients: frozenset[str]


class EmailSender:
    """Each notification has a connection of its own. What the server says is not quoted: it was sent the password."""

    def __init__(
        self,
        target: EmailTarget,
        settings: SenderSettings,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        self._target = target
        self._settings = settings
        self._now = now
        self._partial: deque[_PartialDelivery] = deque(maxlen=MAX_PARTIAL)

    async def send(self, notification: Notification) -> None:
        keys = frozenset(keys_of(notification))
        told = {address for one in self._partial if keys <= one.keys for address in one.recipients}
        recipients = [address for address in self._target.to if address not in told]
        refused = await self._send(notification, recipients) if recipients else {}
        self._partial = deque((one for one in self._partial if one.keys.isdisjoint(keys)), MAX_PARTIAL)
        if refused and notification.kind is not NotificationKind.REMINDER:
            self._partial.append(_PartialDelivery(keys, frozenset(self._target.to) - refused.keys()))
        _judge(refused)

    async def close(self) -> None:
        """Nothing is kept open between two notifications."""

    async def _send(self, notification: Notification, recipients: list[str]) -> dict[str, int]:
        """Return the recipients that the server refused, with its codes."""
        try:
            message = mail_message(notification, self._target, self._now())
        except ValueError:
            raise SendRefused("an address of the receiver cannot be in an e-mail; modify it") from None
        async with time_limit(self._settings.limit_s):
            try:
                return await self._hand_over(message, recipients)
            except TargetDenied as denial:
                raise SendRefused(f"{denial}; give the receiver another server, or have the rule changed") from None
            except aiosmtplib.SMTPRecipientsRefused as error:
                return {one.recipient: one.code for one in error.recipients}
            except aiosmtplib.SMTPResponseException as error:
                raise _failure(error.code, "") from None
            except (aiosmtplib.SMTPException, OSError, ValueError) as error:
                raise SendDelayed(
                    f"the exchange with the mail server failed: {reason_of(error)}; check its address, port and TLS"
                ) from None

    async def _hand_over(self, message: EmailMessage, recipients: list[str]) -> dict[str, int]:
        target = self._target
        connected = await self._settings.guard.connect(target.smtp_host, target.smtp_port)
        if target.tls is SmtpTls.NONE and not ip_address(connected.getpeername()[0]).is_loopback:
            connected.close()
            raise SendRefused("only a server on a loopback address may be sent e-mails without TLS; use STARTTLS")
        client = aiosmtplib.SMTP(
            hostname=target.smtp_host,
            sock=connected,
            local_hostname=socket.gethostname(),  # the default would look up a name
            use_tls=target.tls is SmtpTls.TLS,
            start_tls=False,  # below, where its lack can be told from other errors
            tls_context=self._settings.guard.tls_context(target.ssl_ca_cert),
            timeout=None,  # there is a limit for all of it
        )
        try:
            await client.connect()
            if target.tls is SmtpTls.STARTTLS:
                await _encrypt(client)
            if target.username:
                await client.login(target.username, target.password)
            replies, _ = await client.send_message(message, sender=target.from_address, recipients=recipients)
            return {address: reply.code for address, reply in replies.items()}
        finally:
            client.close()


async def _encrypt(client: aiosmtplib.SMTP) -> None:
    await client.ehlo()
    if not client.supports_extension("starttls"):
        raise SendDelayed("the mail server does not offer STARTTLS, and is sent nothing; check its port and TLS")
    await client.starttls()


def _judge(refused: dict[str, int]) -> None:
    if refused:
        worst = min(refused.values())  # as long as one may be delivered later, it is tried again
        raise _failure(worst, f" for {', '.join(sorted(refused)[:3])}")


def _failure(code: int, recipients: str) -> SendDelayed | SendRefused:
    answer = f"the mail server answered {code}{recipients}"
    if code < _PERMANENT:
        return SendDelayed(f"{answer}; look at its log")
    return SendRefused(f"{answer}; check the credentials and addresses of the receiver, and the log of the server")
