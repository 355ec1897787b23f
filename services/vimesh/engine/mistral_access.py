"""Opens sessions to Mistral: with its address, the limits of a call, and the credentials."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import keystoneauth1.loading
from keystoneauth1.exceptions import EndpointNotFound
from keystoneauth1.session import Session
from mistralclient.api.v2.client import Client

from vimesh.domain.errors import BadSetting
from vimesh.engine.bounded_http import bound_answers
from vimesh.engine.engine_errors import EngineUnavailable

_SERVICE = "workflowv2"


@dataclass(frozen=True, slots=True)
class MistralAccess:
    url: str = field(default="", repr=False)
    """Such as http://127.0.0.1:8989/v2. Empty: use the URL in Keystone's catalog."""
    keystone: bool = False
    """Whether to log in to Keystone, with the OS_* variables of the process."""
    call_timeout_s: float = 10.0
    """Timeout for connecting, and then for each read of the answer."""
    total_timeout_s: float = 30.0
    """Timeout for an answer as a whole."""
    concurrency: int = 8
    """Maximum number of calls under way at the same time: each has a thread."""

    def __post_init__(self) -> None:
        if not self.url and not self.keystone:
            raise BadSetting("--mistral-url", "is required without Keystone (OS_AUTH_URL), such as http://HOST:8989/v2")
        if self.url and urlsplit(self.url).scheme not in {"http", "https"}:
            raise BadSetting("--mistral-url", "must be an http or https URL, such as http://HOST:8989/v2")

    @property
    def place(self) -> str:
        """The URL without the parts that may be secret."""
        if not self.url:
            return "the address that Keystone knows"
        parts = urlsplit(self.url)
        public_url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        return f"{public_url}, by way of Keystone" if self.keystone else public_url


def uses_keystone(environment: Mapping[str, str]) -> bool:
    return bool(environment.get("OS_AUTH_URL"))


def open_session(access: MistralAccess) -> Session:
    """Return a new session. The caller closes it."""
    session = (
        _keystone_session(access) if access.keystone else Session(timeout=access.call_timeout_s, app_name="vimesh")
    )
    bound_answers(session, access.total_timeout_s)
    return session


def _keystone_session(access: MistralAccess) -> Session:
    options = argparse.ArgumentParser()
    keystoneauth1.loading.register_session_argparse_arguments(options)
    keystoneauth1.loading.register_auth_argparse_arguments(options, [], default="password")
    # Without arguments, every option has the value of its OS_* variable.
    arguments = options.parse_args([])
    arguments.timeout = access.call_timeout_s
    auth = keystoneauth1.loading.load_auth_from_argparse_arguments(arguments)
    return keystoneauth1.loading.load_session_from_argparse_arguments(arguments, auth=auth, app_name="vimesh")


def client_over(session: Session, access: MistralAccess) -> Client:
    """Return a client that uses the session. Raises EngineUnavailable, and keystoneauth's errors for the catalog.

    A catalog may change at any time, so one without Mistral ends no process: its calls are made again later.
    """
    url = access.url or _url_in_catalog(session)
    if not url:
        session.invalidate()  # the next attempt reads the catalog again
        why = f"Keystone's catalog has no service of type {_SERVICE}; add it there, or give --mistral-url"
        raise EngineUnavailable(access.place, why)
    # Without `enforce_raw_definitions`, the client first tries a definition as the name of a file.
    return Client(mistral_url=url, session=session, enforce_raw_definitions=True)


def _url_in_catalog(session: Session) -> str | None:
    try:
        return session.get_endpoint(service_type=_SERVICE)
    except EndpointNotFound:  # None means the same
        return None
