"""Runs all of Mistral in one process without a broker: API, engine, notifier and executor as threads over `fake://`.

Runs in Mistral's own environment: `python mistral_server.py CONF`. Ends at once on SIGTERM.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

import mistral  # noqa: F401 - chooses the threading backend of oslo.service, and has to come first
from cheroot import wsgi
from mistral import config
from mistral.api import app
from mistral.db.v2 import api as db_api
from mistral.engine import engine_server
from mistral.executors import executor_server
from mistral.notifiers import notification_server
from mistral.rpc import base as rpc
from oslo_config import cfg
from oslo_log import log


def main() -> None:
    config.parse_args(["--config-file", sys.argv[1]])
    log.setup(cfg.CONF, "Mistral")
    db_api.setup_db()
    rpc.get_transport()
    for part in (engine_server, executor_server, notification_server):
        part.get_oslo_service(setup_profiler=False).start()
    server = wsgi.Server((cfg.CONF.api.host, cfg.CONF.api.port), app.setup_app(), server_name="mistral_api")
    server.prepare()
    threading.Thread(target=server.serve, daemon=True).start()
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    print("ready", flush=True)
    stopped.wait()
    # Threads of synchronous actions never end by themselves.
    os._exit(0)


main()
