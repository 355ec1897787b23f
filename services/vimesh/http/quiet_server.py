"""uvicorn as a part of a process: signals, logs and headers are those of the process."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import uvicorn

from vimesh.http.http_listener import BACKLOG
from vimesh.http.server_tls import ServerTls


class QuietServer(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals to the process."""
        yield


def quiet_config(app: Any, tls: ServerTls | None, **limits: Any) -> uvicorn.Config:  # noqa: ANN401 - as uvicorn has it
    """Return a configuration of uvicorn with these limits. `tls`: None for none."""
    return uvicorn.Config(
        app,
        ssl_context_factory=None if tls is None else lambda *_: tls.context(),
        ws="none",
        lifespan="off",
        log_config=None,  # keep our logging
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        **limits,
    )
