"""What a user chooses of a file of many, and how its entries are called."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final

import typer

from vimesh.cli.input.file_entries import FileEntry, Flaw
from vimesh.domain.settings import BadFlag

CLOUD: Final = "--cloud"
CONTEXT: Final = "--kube-context"
_LISTED: Final = 20
_SHOWN: Final = 100

Cloud = Annotated[
    str | None,
    typer.Option(
        CLOUD,
        metavar="NAME",
        help="Cloud of a clouds.yaml, by default of the one that openstack uses; envvars: the OS_* variables.",
    ),
]
KubeContext = Annotated[
    str | None,
    typer.Option(CONTEXT, metavar="NAME", help="Context of a kubeconfig, by default of the one that kubectl uses."),
]
Clouds = Annotated[
    list[str] | None,
    typer.Option(
        CLOUD,
        metavar="NAME",
        help="Import only this cloud of a clouds.yaml, without FILE of the one that openstack uses; envvars: the OS_* "
        "variables. May be repeated.",
    ),
]
KubeContexts = Annotated[
    list[str] | None,
    typer.Option(
        CONTEXT,
        metavar="NAME",
        help="Import only the cluster of this context of a kubeconfig, without FILE of the one that kubectl uses. May "
        "be repeated.",
    ),
]


@dataclass(frozen=True, slots=True)
class EntryChoice:
    clouds: Sequence[str] = ()
    """Only these; all if empty."""
    contexts: Sequence[str] = ()
    """Only these; all clusters if empty."""
    with_credentials: bool = True


def called(entries: Iterable[FileEntry | Flaw], name: str | None) -> Iterator[FileEntry | Flaw]:
    """Give the only entry a name; None: it has its own. Raises BadFlag if there are several."""
    for number, entry in enumerate(entries):
        if name is None:
            yield entry
        elif number:
            raise BadFlag("--name", "cannot be used: there is more than one VIM")
        elif isinstance(entry, FileEntry):
            yield replace(entry, content={**entry.content, "name": name})
        else:
            yield entry


def require_known(flag: str, wanted: Iterable[str], known: Sequence[str], what: str) -> None:
    """Raise BadFlag for a name that is not among those of a file."""
    for name in wanted:
        if name not in known:
            raise BadFlag(flag, f"there is no {what} {name[:_SHOWN]!r}: {listed(known)}")


def listed(names: Sequence[str]) -> str:
    """Return a text such as `it has a, b`."""
    shown = ", ".join(name[:_SHOWN] for name in names[:_LISTED])
    return f"it has {shown or 'none'}" + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")
