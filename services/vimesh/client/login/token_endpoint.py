"""Asks the token endpoint of an issuer (RFC 6749, section 5) as a public client, and revokes tokens (RFC 7009)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from vimesh.client.login.issuer_http import IssuerHttp
from vimesh.client.login.issuer_metadata import IssuerMetadata
from vimesh.client.login.login_errors import IssuerUnavailable, LoginFailed, TokenRefused

DEFAULT_SCOPE: Final = "openid offline_access"
"""Without `offline_access`, many issuers give no refresh token (OpenID Connect Core 1.0, section 11)."""
_LIFETIME_S: Final = 300.0
"""Of a token whose lifetime the issuer does not tell; what is renewed too early is not refused."""
_LONGEST_S: Final = 366 * 86400.0
_MAX_CHARACTERS: Final = 16 * 1024
"""Of a token. A front takes 64 kB of headers."""
_JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_PRINTABLE = re.compile(r"[!-~]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class IssuerClient:
    """What the issuer knows the command line as, and what is asked of it."""

    issuer: str
    client_id: str
    """Of a public client: one without a secret."""
    resource: str = ""
    """URI that the token is to be for (RFC 8707); empty: as the issuer decides."""
    scope: str = DEFAULT_SCOPE
    authorities: Path | None = None
    """Of the issuer's certificate; None: those of the system."""

    @property
    def identification(self) -> dict[str, str]:
        """The fields that each request to the issuer has."""
        return {"client_id": self.client_id, "resource": self.resource}


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    """Empty if the issuer gave none."""
    lifetime_s: float


async def request_token(
    http: IssuerHttp, metadata: IssuerMetadata, client: IssuerClient, grant: Mapping[str, str]
) -> TokenAnswer:
    """Exchange a grant for a token. Raises TokenRefused, IssuerUnavailable, LoginFailed."""
    answer = await http.post(metadata.token_endpoint, {**client.identification, **grant})
    if answer.status == 200:
        return _token_in(answer.document)
    raise refusal(answer.status, answer.document)


def refusal(status: int, document: Mapping[str, object]) -> LoginFailed:
    """Return the error of an answer without what was asked for."""
    code = document.get("error")
    if isinstance(code, str) and _PRINTABLE.fullmatch(code):
        return TokenRefused(code[:100], str(document.get("error_description", ""))[:500])
    if status >= 500:
        return IssuerUnavailable(f"the issuer answers with status {status}")
    return LoginFailed(f"the issuer answers with status {status}, and does not say why")


async def revoke(http: IssuerHttp, metadata: IssuerMetadata, client: IssuerClient, refresh_token: str) -> bool:
    """Revoke a refresh token, and what was given for it. Returns False if the issuer has no way to do that.

    Raises TokenRefused, IssuerUnavailable, LoginFailed.
    """
    if not metadata.revocation_endpoint:
        return False
    form = {"client_id": client.client_id, "token": refresh_token, "token_type_hint": "refresh_token"}
    answer = await http.post(metadata.revocation_endpoint, form)
    if answer.status != 200:
        raise refusal(answer.status, answer.document)
    return True


def _token_in(document: Mapping[str, object]) -> TokenAnswer:
    if str(document.get("token_type", "")).lower() != "bearer":
        raise LoginFailed("the issuer gave no bearer token")
    access_token = str(document.get("access_token", ""))
    if len(access_token) > _MAX_CHARACTERS:
        raise LoginFailed(f"the issuer gave a token of more than {_MAX_CHARACTERS} characters")
    if not _JWT.fullmatch(access_token):
        raise LoginFailed("the issuer gave a token that is no JWT; some do so unless the profile has a --resource")
    refresh_token = str(document.get("refresh_token", ""))
    if refresh_token and (len(refresh_token) > _MAX_CHARACTERS or not _PRINTABLE.fullmatch(refresh_token)):
        raise LoginFailed("the issuer gave a refresh token that cannot be used")
    return TokenAnswer(access_token, refresh_token, positive_s(document.get("expires_in"), _LIFETIME_S))


def positive_s(value: object, default_s: float) -> float:
    """Read a number of seconds; `default_s` in place of what is no such number."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < _LONGEST_S:
        return float(value)
    return default_s
