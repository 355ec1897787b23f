"""Logs in by a browser on this machine: authorization code with PKCE (RFC 7636), redirected to a loopback port."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlencode

from vimesh.cli.login.redirect_listener import listening
from vimesh.client.login.issuer_http import IssuerHttp
from vimesh.client.login.issuer_metadata import IssuerMetadata
from vimesh.client.login.login_errors import LoginFailed, TokenRefused
from vimesh.client.login.token_endpoint import IssuerClient, TokenAnswer, request_token

_PATIENCE_S: Final = 600.0
"""How long a person may take."""


async def log_in_by_browser(
    http: IssuerHttp, metadata: IssuerMetadata, client: IssuerClient, show: Callable[[str], object]
) -> TokenAnswer:
    """Show the URL to open, and wait for the browser to come back.

    Raises TokenRefused, IssuerUnavailable, LoginFailed, and OSError if there is no port to listen on.
    """
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
    async with listening(state) as listener:
        show(_authorization_url(metadata, client, state, verifier, listener.redirect_uri))
        try:
            async with asyncio.timeout(_PATIENCE_S):
                answer = await listener.answer()
        except TimeoutError:
            raise LoginFailed(f"no browser came back within {_PATIENCE_S:g} s") from None
    grant = {
        "grant_type": "authorization_code",
        "code": _code_in(answer, metadata.issuer),
        "redirect_uri": listener.redirect_uri,
        "code_verifier": verifier,
    }
    return await request_token(http, metadata, client, grant)


def _authorization_url(
    metadata: IssuerMetadata, client: IssuerClient, state: str, verifier: str, redirect_uri: str
) -> str:
    challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    fields = {
        **client.identification,
        "response_type": "code",
        "scope": client.scope,
        "redirect_uri": redirect_uri,
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        # Without it, issuers may leave out the refresh token (OpenID Connect Core 1.0, section 11).
        "prompt": "consent",
    }
    separator = "&" if "?" in metadata.authorization_endpoint else "?"
    query = urlencode({name: value for name, value in fields.items() if value})
    return f"{metadata.authorization_endpoint}{separator}{query}"


def _code_in(answer: Mapping[str, str], issuer: str) -> str:
    """Raises TokenRefused, LoginFailed."""
    if answer.get("iss", issuer) != issuer:
        raise LoginFailed("the browser came back from another issuer")  # RFC 9207
    if "error" in answer:
        raise TokenRefused(answer["error"][:100], answer.get("error_description", "")[:500])
    if not (code := answer.get("code")):
        raise LoginFailed("the browser came back without a code")
    return code
