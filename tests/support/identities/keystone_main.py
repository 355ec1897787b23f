"""Serves the Keystone of this environment on a loopback port. Run by the Python of .cache/keystone.

Arguments: the port, and Keystone's configuration file.
"""

from __future__ import annotations

import os
import socketserver
import sys
import threading
from collections.abc import Iterable
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from keystone.server.wsgi import initialize_public_application


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Handler(WSGIRequestHandler):
    def address_string(self) -> str:
        return self.client_address[0]

    def log_message(self, *_: object) -> None:
        pass


class _InTurn:
    """Lets an application answer one request at a time.

    Keystone writes down each login after it has read the user; SQLite refuses that ("database is locked") when
    another login does the same meanwhile, and Keystone answers 500.
    """

    def __init__(self, application: Any) -> None:  # noqa: ANN401 - Keystone has no types
        self._application = application
        self._lock = threading.Lock()

    def __call__(self, *request: Any) -> Iterable[bytes]:  # noqa: ANN401 - as the application takes them
        with self._lock:
            return list(self._application(*request))


if __name__ == "__main__":
    port, config = sys.argv[1:]
    # Keystone reads them, too.
    del sys.argv[1:]
    os.environ["OS_KEYSTONE_CONFIG_FILES"] = config
    application = _InTurn(initialize_public_application())
    with make_server("127.0.0.1", int(port), application, _Server, _Handler) as server:
        print("serving", flush=True)
        server.serve_forever()
