"""Sends one HTTP request with a notification, and judges the answer."""

from __future__ import annotations

import base64
import datetime as dt
import io
import socket
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from vimesh.notifier.senders.sender import DocumentRefused, DocumentTooLarge, ReceiverGone, SendDelayed, SendRefused
from vimesh.notifier.senders.target_guard import TargetDenied, TargetGuard, reason_of

MAX_BODY_BYTES: Final = 32 * 1024 * 1024
"""10,000 changes with long details take about 15 MB."""
MAX_RETRY_AFTER_S: Final = 3600.0
_MAX_DATE: Final = 64
USER_AGENT: Final = "vimesh-notifier"
_LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
_UNPROVEN = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED})


def basic_authorization(username: str, password: str) -> str:
    """Return the value of the header `Authorization`."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")


def authorization_headers(*, username: str = "", password: str = "", bearer_token: str = "") -> dict[str, str]:
    """Return the header that proves who sends; none without credentials."""
    if bearer_token:
        return {"Authorization": f"Bearer {bearer_token}"}
    return {"Authorization": basic_authorization(username, password)} if username else {}


class HttpPoster:
    """Follows no redirect, uses no proxy, keeps no cookie, and reads nothing of an answer but its head.

    Answers are not quoted in errors: a peer could put the credentials of the request into its answer.
    """

    def __init__(self, guard: TargetGuard, authorities: str = "") -> None:
        """`authorities`: in PEM, those that sign the certificates of peers; empty: those of the system."""
        self._guard = guard
        self._authorities = authorities
        self._session: aiohttp.ClientSession | None = None

    async def request(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> None:
        """Return once the peer has taken the request. The caller limits the time.

        Raises SendDelayed, SendRefused (DocumentRefused if only this request is) and ReceiverGone.
        """
        if len(body) > MAX_BODY_BYTES:
            raise DocumentTooLarge(f"the request would have {len(body)} bytes, and may have {MAX_BODY_BYTES}")
        try:
            place = URL(url)
            if place.scheme not in {"http", "https"} or not place.host:
                raise SendRefused("the URL of the receiver must begin with http:// or https:// and name a host")
            sent = {"User-Agent": USER_AGENT, **headers}
            data = io.BytesIO(body) if body else None
            async with self._opened().request(method, place, data=data, headers=sent, allow_redirects=False) as answer:
                _judge(answer.status, answer.headers.get("Retry-After", ""))
        except TargetDenied as denial:
            raise _refusal(denial) from None
        except aiohttp.ClientConnectorCertificateError:
            raise SendDelayed("the certificate of the receiver cannot be verified; mend it, or ssl_ca_cert") from None
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, TargetDenied):
                raise _refusal(error.os_error) from None
            raise SendDelayed(
                f"cannot connect to the receiver: {reason_of(error.os_error)}; check its address"
            ) from None
        except ValueError:  # aiohttp.InvalidURL is one, and a ClientError as well
            # The text of the error would quote the URL or a header.
            raise SendRefused("the URL or a header of the receiver is not valid in HTTP; modify it") from None
        except (aiohttp.ClientError, OSError) as error:
            raise SendDelayed(f"the exchange with the receiver failed: {type(error).__name__}") from None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                resolver=_GuardedNames(self._guard),
                ssl=self._guard.tls_context(self._authorities),
                use_dns_cache=False,  # a name may have moved, and the guard judges what it means now
                socket_factory=lambda info: self._guard.open_socket(info[0], info[4]),
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),  # the caller limits the time
                auto_decompress=False,
            )
        return self._session


class _GuardedNames(AbstractResolver):
    def __init__(self, guard: TargetGuard) -> None:
        self._guard = guard

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 - the system has both
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address[0],
                port=port,
                family=found,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for found, address in await self._guard.look_up(host, port)
        ]

    async def close(self) -> None:
        """The guard is shared by all senders, and closed by who made it."""


def _refusal(denial: TargetDenied) -> SendRefused:
    return SendRefused(f"{denial}; give the receiver another address, or have the rule changed")


def _judge(status: int, retry_after: str) -> None:
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return
    answer = f"the receiver answered {status}"
    if status == HTTPStatus.GONE:
        raise ReceiverGone(f"{answer}: it wants no more notifications; delete it, or enable it again")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _LATER:
        # 0 would mean at once to our caller: no answer can make it try again and again without a pause.
        raise SendDelayed(f"{answer}; look at its log", parse_retry_after(retry_after) or None)
    if status < HTTPStatus.BAD_REQUEST:
        raise SendRefused(f"{answer}, and redirects are not followed; give the receiver the URL that it has now")
    if status in _UNPROVEN:
        raise SendRefused(f"{answer}; check the credentials of the receiver")
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        raise DocumentTooLarge(f"{answer}, even to a single change; have it take larger requests")
    if status == HTTPStatus.FORBIDDEN:  # firewalls answer so to what a request contains
        raise DocumentRefused(f"{answer}; check the credentials of the receiver, and its log")
    raise DocumentRefused(f"{answer}; check its URL, kind and log")


def parse_retry_after(text: str, now: dt.datetime | None = None) -> float | None:
    """Return the seconds that a header `Retry-After` asks to wait, within bounds; None if it says nothing."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), MAX_RETRY_AFTER_S)
    if len(text) > _MAX_DATE:
        return None  # before it is parsed, which takes quadratic time
    try:
        then = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    then = then if then.tzinfo is not None else then.replace(tzinfo=dt.UTC)
    wait_s = (then - (now or dt.datetime.now(dt.UTC))).total_seconds()
    return min(max(wait_s, 0.0), MAX_RETRY_AFTER_S)
