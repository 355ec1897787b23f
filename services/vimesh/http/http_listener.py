"""Opens the addresses on which HTTP is served."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Final

from vimesh.domain.errors import BadSetting

BACKLOG: Final = 1024


def listening(address: str, setting: str = "listen") -> socket.socket:
    """Listen on `host:port`, where port 0 picks a free port, or on `unix:` and a path.

    Raises BadSetting, which names the setting.
    """
    if address.startswith("unix:"):
        return _listening_at(Path(address.removeprefix("unix:")), setting)
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, int(port)), family=family, backlog=BACKLOG)
    except OSError as error:
        # Not the text of `create_server`, which says the address again; a name that is not found has a text of its own.
        reason = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        raise BadSetting(setting, f"cannot listen on {address}: {reason}") from error


def bound_to(listener: socket.socket) -> dict[str, object]:
    """Return the port or the socket on which it listens, for the log."""
    name = listener.getsockname()
    return {"socket": name} if isinstance(name, str) else {"port": name[1]}


def _listening_at(path: Path, setting: str) -> socket.socket:
    """Listen on a unix socket that only its owner may use. Raises BadSetting."""
    listener = socket.socket(socket.AF_UNIX)
    try:
        path.unlink(missing_ok=True)  # a process that was killed leaves its own
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise BadSetting(setting, f"cannot listen on unix:{path}: {error.strerror}") from error
    return listener
