"""Serves the Keystone of this environment on a loopback port. Run by the Python of .cache/keystone.

Arguments: the port, and Keystone's configuration file.
"""

from __future__ import annotations

import os
import socketserver
import sys
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from keystone.server.wsgi import initialize_public_application


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Handler(WSGIRequestHandler):
    def address_string(self) -> str:
        return self.client_address[0]

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    port, config = sys.argv[1:]
    # Keystone reads them, too.
    del sys.argv[1:]
    os.environ["OS_KEYSTONE_CONFIG_FILES"] = config
    application = initialize_public_application()
    with make_server("127.0.0.1", int(port), application, _Server, _Handler) as server:
        print("serving", flush=True)
        server.serve_forever()
