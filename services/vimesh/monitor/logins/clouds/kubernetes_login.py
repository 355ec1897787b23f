"""Logs in to a Kubernetes cluster: asks its API with the credentials for something that every user may read."""

from __future__ import annotations

import ssl
from base64 import b64encode
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from vimesh.domain.conditions.conditions import ConditionStatus
from vimesh.domain.endpoints import Endpoint
from vimesh.domain.probing import Reason
from vimesh.monitor.logins.clouds.bounded_client import BoundedClient
from vimesh.monitor.logins.clouds.login_outcome import FORBIDDEN, UNAUTHORIZED, LoginResult, logged_in
from vimesh.monitor.logins.clouds.token_request import NO_CREDENTIALS, NOT_SUPPORTED, LoginImpossible, text_of

_PATH: Final = "/api"
"""The role `system:discovery`, which each user has, may read it; anonymous users may not."""


def proof_headers(auth_cred: Mapping[str, object]) -> dict[str, str]:
    """Return the header that proves who asks; empty if the client certificate does. Raises LoginImpossible."""
    if text_of(auth_cred, "oidc_token_url"):
        raise LoginImpossible(NOT_SUPPORTED, "logins by OpenID Connect are not supported")
    if token := text_of(auth_cred, "bearer_token"):
        proof = f"Bearer {token}"
    elif text_of(auth_cred, "client_cert") and text_of(auth_cred, "client_key"):
        return {}
    elif (user := text_of(auth_cred, "username")) and (password := text_of(auth_cred, "password")):
        proof = f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"
    else:
        raise LoginImpossible(
            NO_CREDENTIALS,
            "the credentials have neither a bearer_token, nor a client certificate, nor a user name with a password",
        )
    if not proof.isascii() or not proof.isprintable():
        raise LoginImpossible(NO_CREDENTIALS, "the bearer_token has characters that no token has")
    return {"Authorization": proof}


async def log_in_to_kubernetes(
    client: BoundedClient, endpoint: Endpoint, context: ssl.SSLContext | None, headers: Mapping[str, str]
) -> LoginResult:
    """Ask the API. The caller limits the time. Raises ExchangeFailed, LocalFault."""
    async with client.connect(endpoint, context) as exchange:
        answer = await exchange.get(endpoint.path.partition("?")[0].rstrip("/") + _PATH, headers)
    status = answer.status
    if status == HTTPStatus.OK:
        return LoginResult(logged_in(ConditionStatus.TRUE))
    if status == HTTPStatus.UNAUTHORIZED:
        message = "the API server refuses the credentials: they are wrong, expired or revoked"
        return LoginResult(logged_in(ConditionStatus.FALSE, UNAUTHORIZED, message), is_refusal=True)
    if status == HTTPStatus.FORBIDDEN:
        message = "the API server does not let this user read the list of its APIs"
        return LoginResult(logged_in(ConditionStatus.FALSE, FORBIDDEN, message), is_refusal=True)
    message = f"the API server answers {status} to the credentials"
    return LoginResult(logged_in(ConditionStatus.FALSE, Reason.http(status), message))
