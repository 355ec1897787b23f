"""Finds something of the fleet by its id, or by its name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

import grpc

from vimesh.client.client_errors import NameAmbiguous, NameUnknown
from vimesh.domain.ids import is_id


class _Named(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def project_id(self) -> str: ...


_N = TypeVar("_N", bound=_Named)


async def find_named(
    noun: str,
    given: str,
    project: str | None,
    *,
    get: Callable[[str], Awaitable[_N]],
    list_named: Callable[[], Awaitable[Sequence[_N]]],
) -> _N:
    """Return the only one with that id or name. Raises NameUnknown, NameAmbiguous.

    Args:
        noun: What it is, as in the names of commands and errors.
        project: Where to look up a name; None: everywhere.
        get: Returns the one with an id.
        list_named: Returns all with the name, in the project.
    """
    if is_id(given):
        try:
            return await get(given.lower())
        except grpc.aio.AioRpcError as error:
            # It may be a name that looks like an id, which is allowed.
            if error.code() is not grpc.StatusCode.NOT_FOUND:
                raise
    named = await list_named()
    if not named:
        raise NameUnknown(noun, given, project)
    if len(named) > 1:
        raise NameAmbiguous(noun, given, [f"{one.id} in project {one.project_id}" for one in named])
    return named[0]
