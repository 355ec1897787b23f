"""Stands in for Tacker's conductor without any of our code, in an interpreter that has oslo.messaging.

Reads names of configuration files, one per line. For each, it starts a server with that configuration, stops it, and
prints a line.
"""

from __future__ import annotations

import sys

import oslo_messaging
from oslo_config import cfg


class Conductor:
    def update_vim(self, _context: object, **arguments: object) -> object:
        return arguments["status"]


def serve_once(configuration: str) -> None:
    conf = cfg.ConfigOpts()
    conf([], default_config_files=[configuration])
    transport = oslo_messaging.get_rpc_transport(conf)
    target = oslo_messaging.Target(exchange="tacker", topic="TACKER_CONDUCTOR", server="conductor", version="1.0")
    server = oslo_messaging.get_rpc_server(transport, target, [Conductor()], executor="threading")
    server.start()
    server.stop()
    server.wait()
    transport.cleanup()


def main() -> None:
    for line in sys.stdin:
        serve_once(line.strip())
        print("served", flush=True)


if __name__ == "__main__":
    main()
