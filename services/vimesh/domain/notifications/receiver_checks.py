"""Checks what people say of a receiver, as far as the rules of the contract do not."""

from __future__ import annotations

import base64
import binascii
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from vimesh.domain.errors import BadInput, FilterInvalid, Violation
from vimesh.domain.filters.filter_fields import SETTABLE_FIELDS, is_settable
from vimesh.domain.filters.parse_filter import parse_filter
from vimesh.domain.labels.label_syntax import is_key
from vimesh.domain.notifications.receivers import CAUSE, ReceiverSettings
from vimesh.domain.notifications.target_secrets import has_secrets
from vimesh.domain.notifications.targets import (
    AlertmanagerTarget,
    CloudEventsTarget,
    EmailTarget,
    SmtpTls,
    WebhookTarget,
    kind_of,
)

MIN_REPEAT_S: Final = 10.0
_GROUPS: Final = ("reason", "project_id", "type", CAUSE)
_LABELS: Final = "labels."
_KEY_BYTES: Final = range(24, 65)
_WHSEC: Final = "whsec_"
_URL = re.compile(r"[!-~]{1,2048}")
_TOKEN = re.compile(r"[!-~]*")
_USER = re.compile(r"[^\x00-\x1f\x7f:]*")
_PASSWORD = re.compile(r"[^\x00-\x1f\x7f]*")
_ATOM = r"(?:(?!=\?)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-])+"
"""Of RFC 5321, but no encoded word: mail programs would read it as something else than what was checked."""
_MAILBOX = re.compile(rf"(?=[^@]{{1,64}}@[^@]{{1,253}}\Z){_ATOM}(?:\.{_ATOM})*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")
_CERTIFICATES = re.compile(
    r"\s*(?:-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*)+", re.ASCII
)
"""Nothing else may be there, such as a private key: it would be shown."""
_HOST = re.compile(r"[A-Za-z0-9.:_-]{1,255}")
_OWN_HEADERS: Final = frozenset(
    {"host", "content-length", "content-type", "transfer-encoding", "connection", "upgrade", "te", "trailer"}
)
"""Headers that the sender writes."""


def check_receiver(settings: ReceiverSettings, stored: ReceiverSettings | None = None) -> None:
    """Raise BadInput or FilterInvalid for settings that cannot be used.

    The target that is stored is not checked: if its key is lost, masks stand for its secrets, and the receiver must be
    disabled even so.
    """
    is_new_target = stored is None or settings.target != stored.target
    problems = [*_of_settings(settings), *(_of_target(settings) if is_new_target else ())]
    if problems:
        raise BadInput(*(Violation(f"receiver.{name}", text) for name, text in problems))
    vim_filter = parse_filter(settings.filter_text)
    for field in sorted(vim_filter.fields):
        if not is_settable(field):
            raise FilterInvalid(f"{field} cannot say who is told; use {', '.join(SETTABLE_FIELDS)} or labels")
    # With the project, it may have one term too many.
    parse_filter(settings.watch_filter)


_Problems = Iterator[tuple[str, str]]
"""Fields, and what is wrong with them."""


def _of_settings(settings: ReceiverSettings) -> _Problems:
    if not settings.name:
        yield "name", "is required"
    if 0 < settings.repeat_interval_s < MIN_REPEAT_S:
        yield "repeat_interval", f"must be at least {MIN_REPEAT_S:.0f} s, or 0: never"
    for name in settings.group_by:
        if name not in _GROUPS and not (name.startswith(_LABELS) and is_key(name.removeprefix(_LABELS))):
            yield "group_by", f"must be {', '.join(_GROUPS)}, or a label such as labels.region"


def _of_target(settings: ReceiverSettings) -> _Problems:
    target = settings.target
    kind = kind_of(target)
    check_own: Callable[[Any], _Problems] = _CHECKS.get(type(target), lambda _: iter(()))
    for name, text in (*_of_common_fields(target), *check_own(target)):
        yield f"{kind}.{name}", text


def _of_common_fields(target: Any) -> _Problems:  # noqa: ANN401 - a target of any kind
    username, token = getattr(target, "username", ""), getattr(target, "bearer_token", "")
    password = getattr(target, "password", "")
    if not _USER.fullmatch(username):
        yield "username", "must not hold colons or control characters"
    if not _PASSWORD.fullmatch(password):
        yield "password", "must not hold control characters"
    if password and not username:
        yield "username", "is required with a password"
    if not _TOKEN.fullmatch(token):
        yield "bearer_token", "must be printable ASCII without spaces"
    if username and token:
        yield "bearer_token", "cannot be combined with a user name"
    for name in ("url", "urls", "console_url"):
        value = getattr(target, name, ())
        for url in (value,) if isinstance(value, str) and value else value:
            if problem := _problem_of_url(url, needs_tls=name != "console_url" and has_secrets(target)):
                yield name, problem
    if target.ssl_ca_cert and (problem := _problem_of_authorities(target)):
        yield "ssl_ca_cert", problem


def _problem_of_authorities(target: Any) -> str:  # noqa: ANN401 - a target of any kind
    urls = getattr(target, "urls", (getattr(target, "url", "https:"),))
    if getattr(target, "tls", None) is SmtpTls.NONE or not all(url.lower().startswith("https:") for url in urls):
        return "is of no use without TLS: use https, or STARTTLS or TLS for e-mails"
    if not _CERTIFICATES.fullmatch(target.ssl_ca_cert):
        return "must be certificates in PEM, and nothing else"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=target.ssl_ca_cert)
    except ssl.SSLError:
        return "has a certificate that cannot be read"
    return ""


def _problem_of_url(text: str, *, needs_tls: bool) -> str:
    if not _URL.fullmatch(text):
        return "must be a URL of at most 2,048 printable ASCII characters"
    try:
        url = urlsplit(text)
        host, _ = url.hostname, url.port
    except ValueError:
        return "must be a URL"
    if url.scheme not in ("http", "https") or not host or url.fragment:
        return "must be an http or https URL with a host, and without a fragment"
    if url.username is not None or url.password is not None:
        return "must not hold a user name or password: there are fields for them"
    if needs_tls and url.scheme != "https" and not _is_loopback(host):
        return "must be an https URL, or http on a loopback address, because secrets are sent to it"
    return ""


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _of_alertmanager(target: AlertmanagerTarget) -> _Problems:
    if any(urlsplit(url).query for url in target.urls if _URL.fullmatch(url)):
        yield "urls", "must not have a query: paths are appended to them"


def _of_cloud_events(target: CloudEventsTarget) -> _Problems:
    secret = target.signing_secret
    if secret and not _is_signing_key(secret):
        yield "signing_secret", f"must be {_WHSEC} and {_KEY_BYTES.start} to {_KEY_BYTES.stop - 1} bytes in base64"
    if not _TOKEN.fullmatch(target.source):
        yield "source", "must be a URI reference: printable ASCII without spaces"


def _is_signing_key(secret: str) -> bool:
    try:
        key = base64.b64decode(secret.removeprefix(_WHSEC), validate=True)
    except (binascii.Error, ValueError):
        return False
    return secret.startswith(_WHSEC) and len(key) in _KEY_BYTES


def _of_email(target: EmailTarget) -> _Problems:
    if not _HOST.fullmatch(target.smtp_host):
        yield "smtp_host", "must be a host name or an IP address"
    if target.tls is SmtpTls.NONE and not _is_loopback(target.smtp_host):
        yield "tls", "can be NONE only for a loopback address, such as 127.0.0.1"
    for name, mailboxes in (("from_address", (target.from_address,)), ("to", target.to)):
        if not all(map(_MAILBOX.fullmatch, mailboxes)):
            yield name, "must be an e-mail address such as ops@example.com"


def _of_webhook(target: WebhookTarget) -> _Problems:
    for name in target.headers:
        if name.lower() in _OWN_HEADERS:
            yield "headers", f"must not name {name}, which is set by itself"


_CHECKS: Final[Mapping[type, Callable[[Any], _Problems]]] = {
    AlertmanagerTarget: _of_alertmanager,
    CloudEventsTarget: _of_cloud_events,
    EmailTarget: _of_email,
    WebhookTarget: _of_webhook,
}
