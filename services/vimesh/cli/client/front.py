"""Runs a command against the mesh, and explains what fails."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import TypeVar

import grpc

from vimesh.cli.base.client_settings import ClientSettings
from vimesh.cli.base.exits import Failure
from vimesh.cli.base.terminal import clipped, printable
from vimesh.cli.client.explain_failures import client_failure
from vimesh.client.base_error import ClientError
from vimesh.client.calls.front_stubs import Front, connected

T = TypeVar("T")

_EXPLAINABLE = (grpc.aio.AioRpcError, ClientError)


def run(settings: ClientSettings, command: Callable[[Front], Awaitable[T]]) -> T:
    """Run a command against the front. Raises Failure if one of its calls fails."""

    async def connect_and_run() -> T:
        async with connected(settings.address, settings.call_timeout_s, settings.credentials, warn=warn) as front:
            return await command(front)

    with failed_calls_explained(settings.address):
        return asyncio.run(connect_and_run())


@contextmanager
def failed_calls_explained(address: str) -> Generator[None]:
    """Turn a failed call, or what else goes wrong with a front, into a Failure, also one in an exception group."""
    try:
        yield
    except _EXPLAINABLE as error:
        raise client_failure(error, address) from error
    except BaseExceptionGroup as group:
        calls = group.subgroup(_EXPLAINABLE)
        if calls is None:
            raise
        raise explained(calls, address) from group


def explained(group: BaseExceptionGroup[Exception], address: str) -> Failure:
    """Explain the first of several failed calls."""
    return client_failure(_first(group), address)


def warn(text: str) -> None:
    """Tell the user of trouble that ends no command."""
    print(printable(clipped(f"warning: {text}")), file=sys.stderr)  # noqa: T201 - for people, apart from the data


def _first(group: BaseExceptionGroup[Exception]) -> grpc.aio.AioRpcError | ClientError:
    found = group.exceptions[0]
    if isinstance(found, BaseExceptionGroup):
        return _first(found)
    assert isinstance(found, _EXPLAINABLE)  # noqa: S101 - for the type checker
    return found
