"""What the administrator of an executor's host decides about our ping actions."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from vimesh.domain.errors import BadSetting


class ActionMode(StrEnum):
    ASYNC = "async"
    """All actions of an executor share one loop; Mistral waits for their end without a thread."""
    SYNC = "sync"
    """Each action keeps a thread of the executor's pool until it ends, as in the old days."""


@dataclass(frozen=True, slots=True)
class ExecutorSettings:
    address: str | None = None
    """Where the front of the mesh is: `host:port`; None: where it is by default."""
    mode: ActionMode = ActionMode.ASYNC


def executor_settings(environment: Mapping[str, str]) -> ExecutorSettings:
    """Read what the environment says, then the file that VIMESH_CONFIG names. Raises BadSetting.

    VIMESH_ADDRESS is `address` in the file, VIMESH_ACTION_MODE is `action.mode`. What else stands in the file is for
    other processes.
    """
    file = environment.get("VIMESH_CONFIG", "")
    document = _document(Path(file)) if file else {}
    table = document.get("action")
    mode = table.get("mode") if isinstance(table, dict) else None
    address = _given(environment, "VIMESH_ADDRESS", document.get("address"), f"address in {file}")
    wanted = _given(environment, "VIMESH_ACTION_MODE", mode, f"action.mode in {file}")
    return ExecutorSettings(
        address=_address(*address) if address else None, mode=_mode(*wanted) if wanted else ActionMode.ASYNC
    )


def _document(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise BadSetting(str(path), f"cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetting(str(path), f"is not TOML: {error}") from error


def _given(environment: Mapping[str, str], variable: str, in_file: object, where: str) -> tuple[str, str] | None:
    """Return a value and where it stands, if there is one."""
    # An empty variable is how shells and unit files say "not set".
    if text := environment.get(variable):
        return text, variable
    return None if in_file is None else (str(in_file), where)


def _address(text: str, where: str) -> str:
    host, _, port = text.rpartition(":")
    if host and port.isascii() and port.isdigit() and 0 < int(port) <= 65535:
        return text
    raise BadSetting(where, f"must be host:port, not {text!r}")


def _mode(text: str, where: str) -> ActionMode:
    try:
        return ActionMode(text.lower())
    except ValueError:
        raise BadSetting(where, f"must be one of {', '.join(ActionMode)}, not {text!r}") from None
