"""Reads what an issuer says about itself (OpenID Connect Discovery 1.0), and checks that it is the issuer asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from vimesh.client.login.issuer_http import IssuerHttp
from vimesh.client.login.login_errors import LoginFailed
from vimesh.domain.access.secure_urls import secure_url

_DOCUMENT: Final = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class IssuerMetadata:
    """URLs are https, or http on a loopback address. Those that an issuer may lack are empty then."""

    issuer: str
    token_endpoint: str
    authorization_endpoint: str
    device_authorization_endpoint: str
    revocation_endpoint: str


async def discover(http: IssuerHttp, issuer: str) -> IssuerMetadata:
    """Fetch the metadata of an issuer. Raises IssuerUnavailable, LoginFailed."""
    url = issuer.removesuffix("/") + _DOCUMENT
    answer = await http.get(url)
    if answer.status != 200 or "issuer" not in answer.document:
        raise LoginFailed(f"{url} holds no metadata of an issuer (status {answer.status})")
    if answer.document["issuer"] != issuer:
        # Another issuer could be asked for tokens in the name of this one.
        raise LoginFailed(f"{url} is of another issuer: {str(answer.document['issuer'])[:200]}")
    endpoints = {
        name: _endpoint(answer.document.get(name, ""), name)
        for name in (
            "token_endpoint",
            "authorization_endpoint",
            "device_authorization_endpoint",
            "revocation_endpoint",
        )
    }
    if not endpoints["token_endpoint"]:
        raise LoginFailed(f"{url} names no token_endpoint")
    return IssuerMetadata(issuer, **endpoints)


def _endpoint(value: object, name: str) -> str:
    text = str(value)
    try:
        return text if text == "" else secure_url(text).geturl()
    except ValueError as error:
        raise LoginFailed(f"the {name} of the issuer {error}") from error
