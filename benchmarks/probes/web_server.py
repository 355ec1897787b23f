"""Serves the API that is probed: one nginx on all addresses of the namespace, with one port for each way to answer."""

from __future__ import annotations

import asyncio
import re
import resource
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.failure import NotMeasured
from benchmarks.harness.peers import program
from benchmarks.harness.processes import Process, running
from tests.support.clouds.certificates import self_signed
from tests.support.networks.namespaces import Namespace

KEEPING, CLOSING, KEEPING_TLS, CLOSING_TLS = 8080, 8081, 8443, 8444
"""Ports: the server keeps a connection for as long as the client wants, or closes it after each answer."""
_ANSWER_S = 10.0
_HANDLED = re.compile(r"^ *\d+ +\d+ +(\d+) *$", re.MULTILINE)

_CONFIGURATION = """
daemon off;
user root;
worker_processes 1;
worker_rlimit_nofile {files};
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections {connections}; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  default_type text/plain;
  keepalive_requests 1000000000;
  ssl_certificate {folder}/server.pem;
  ssl_certificate_key {folder}/server.pem;
  server {{ listen {keeping} backlog=4096; keepalive_timeout 1h; return 200 "ok\\n"; }}
  server {{ listen {closing} backlog=4096; keepalive_timeout 0; return 200 "ok\\n"; }}
  server {{ listen {keeping_tls} ssl backlog=4096; keepalive_timeout 1h; return 200 "ok\\n"; }}
  server {{ listen {closing_tls} ssl backlog=4096; keepalive_timeout 0; return 200 "ok\\n"; }}
  server {{ listen unix:{folder}/status.sock; location / {{ stub_status; }} }}
}}
"""


@dataclass(frozen=True, slots=True)
class WebServer:
    pid: int
    status: Path

    async def answered(self) -> int:
        """Return how many requests it has answered, without the requests for this number."""
        async with asyncio.timeout(_ANSWER_S):
            answers, orders = await asyncio.open_unix_connection(self.status)
            orders.write(b"GET / HTTP/1.0\r\n\r\n")
            told = (await answers.read()).decode()
            orders.close()
        found = _HANDLED.search(told)
        if found is None:
            raise NotMeasured(f"nginx says {told!r}")
        return int(found[1])


@asynccontextmanager
async def web_server(machine: Namespace, folder: Path) -> AsyncGenerator[WebServer]:
    nginx = await program("nginx", "nginx-light")
    self_signed(folder)  # for its file
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    configuration = folder / "nginx.conf"
    configuration.write_text(
        _CONFIGURATION.format(
            folder=folder,
            files=files,
            connections=files - 100,
            keeping=KEEPING,
            closing=CLOSING,
            keeping_tls=KEEPING_TLS,
            closing_tls=CLOSING_TLS,
        )
    )
    status = folder / "status.sock"

    async def ready(process: Process) -> bool:
        return process.running and status.exists()

    command = machine.command(str(nginx), "-c", str(configuration), "-p", str(folder), "-e", "stderr")
    async with running(*command, output=folder / "nginx.log", ready=ready) as process:
        yield WebServer(process.pid, status)
        if said := process.output.read_text():
            raise NotMeasured(f"nginx complained:\n{said[-2000:]}")
