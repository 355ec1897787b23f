"""A real SMTP server (aiosmtpd) that keeps what it is given, and refuses what a test says."""

from __future__ import annotations

import asyncio
import email
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass(frozen=True)
class Mail:
    recipients: list[str]
    message: EmailMessage
    is_encrypted: bool
    username: str


@dataclass
class Mailbox:
    """What the server has, and how it answers."""

    mails: list[Mail] = field(default_factory=list)
    refuses: dict[str, str] = field(default_factory=dict)
    """Replies to recipients, by address."""
    data_reply: str = "250 OK"
    hangs: bool = False
    password: str = "s3cret-password"
    port: int = 0
    connections: int = 0

    async def handle_RCPT(  # noqa: N802 - aiosmtpd names it
        self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]
    ) -> str:
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.hangs:
            await asyncio.get_running_loop().create_future()
        if self.data_reply.startswith("250"):
            content = envelope.content
            assert isinstance(content, bytes)
            message = email.message_from_bytes(content, policy=default)
            assert isinstance(message, EmailMessage)
            login = session.auth_data.login.decode() if session.auth_data else ""
            assert server.transport is not None
            is_encrypted = server.transport.get_extra_info("ssl_object") is not None
            self.mails.append(Mail(list(envelope.rcpt_tos), message, is_encrypted, login))
        return self.data_reply

    def authenticate(self, _: SMTP, __: Session, ___: Envelope, ____: str, data: Any) -> AuthResult:  # noqa: ANN401
        assert isinstance(data, LoginPassword)
        return AuthResult(success=data.password.decode() == self.password, handled=False, auth_data=data)


@asynccontextmanager
async def smtp_server(
    mailbox: Mailbox | None = None,
    *,
    starttls: ssl.SSLContext | None = None,
    tls: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
) -> AsyncGenerator[Mailbox]:
    mailbox = mailbox or Mailbox()
    accepted: list[SMTP] = []

    def accept() -> SMTP:
        mailbox.connections += 1
        protocol = SMTP(
            mailbox,
            hostname="mail.example",
            tls_context=starttls,
            authenticator=mailbox.authenticate,
            auth_require_tls=starttls is not None,
            loop=asyncio.get_running_loop(),
        )
        accepted.append(protocol)
        return protocol

    server = await asyncio.get_running_loop().create_server(accept, host, 0, ssl=tls)
    mailbox.port = server.sockets[0].getsockname()[1]
    try:
        yield mailbox
    finally:
        server.close()
        for protocol in accepted:
            if protocol.transport is not None:
                protocol.transport.close()
        await server.wait_closed()
