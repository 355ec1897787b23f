"""Logs in while the person approves on any device with a browser (RFC 8628)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from vimesh.client.login.issuer_http import IssuerHttp
from vimesh.client.login.issuer_metadata import IssuerMetadata
from vimesh.client.login.login_errors import IssuerUnavailable, LoginFailed, TokenRefused
from vimesh.client.login.token_endpoint import IssuerClient, TokenAnswer, positive_s, refusal, request_token
from vimesh.domain.access.secure_urls import secure_url

_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
_INTERVAL_S: Final = 5.0
_SLOWER_S: Final = 5.0
_LONGEST_INTERVAL_S: Final = 60.0
_PATIENCE_S: Final = 900.0
"""How long a person may take at most; the issuer may allow less."""


@dataclass(frozen=True, slots=True)
class DevicePrompt:
    """What to tell the person. The texts are the issuer's."""

    url: str
    code: str
    direct_url: str
    """With the code in it; empty if the issuer has none."""


async def log_in_by_device(
    http: IssuerHttp, metadata: IssuerMetadata, client: IssuerClient, show: Callable[[DevicePrompt], object]
) -> TokenAnswer:
    """Show where to approve, and wait for it. Raises TokenRefused, IssuerUnavailable, LoginFailed."""
    form = {**client.identification, "scope": client.scope}
    answer = await http.post(metadata.device_authorization_endpoint, form)
    device_code = answer.document.get("device_code")
    if answer.status != 200 or not isinstance(device_code, str):
        raise refusal(answer.status, answer.document)
    show(_prompt(answer.document))
    patience_s = min(positive_s(answer.document.get("expires_in"), _PATIENCE_S), _PATIENCE_S)
    interval_s = min(positive_s(answer.document.get("interval"), _INTERVAL_S), _LONGEST_INTERVAL_S)
    try:
        async with asyncio.timeout(patience_s):
            grant = {"grant_type": _GRANT, "device_code": device_code}
            return await _poll(http, metadata, client, grant, interval_s)
    except TimeoutError:
        raise LoginFailed(f"nobody approved within {patience_s:g} s") from None


async def _poll(
    http: IssuerHttp, metadata: IssuerMetadata, client: IssuerClient, grant: dict[str, str], interval_s: float
) -> TokenAnswer:
    while True:
        await asyncio.sleep(interval_s)
        try:
            return await request_token(http, metadata, client, grant)
        except TokenRefused as refused:
            if refused.code == "slow_down":
                interval_s += _SLOWER_S
            elif refused.code != "authorization_pending":
                raise
        except IssuerUnavailable:
            # RFC 8628, section 3.5, wants a client to ask less often then.
            interval_s = min(2 * interval_s, _LONGEST_INTERVAL_S)


def _prompt(document: Mapping[str, object]) -> DevicePrompt:
    texts = {name: str(document.get(name, "")) for name in ("verification_uri", "user_code")}
    direct_url = str(document.get("verification_uri_complete", ""))
    try:
        secure_url(texts["verification_uri"])
        if direct_url:
            secure_url(direct_url)
    except ValueError as error:
        raise LoginFailed(f"the verification_uri of the issuer {error}") from error
    return DevicePrompt(texts["verification_uri"], texts["user_code"][:100], direct_url)
