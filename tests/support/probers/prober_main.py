"""Hosts ping actions: reads orders as lines of JSON, writes verdicts as lines of JSON.

Orders: {"start": [vim_id, auth_url, policy]}, {"stop": vim_id}, {"stall": seconds}.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from typing import Any

import structlog

from tests.support.probers.loopback_rules import loopback_settings
from vimesh.domain.actions import Action
from vimesh.domain.probing import Depth, Method, ProbePolicy
from vimesh.monitor.host.action_host import ActionHost
from vimesh.monitor.host.build_host import hosting
from vimesh.monitor.probes.icmp.echo_sockets import ROTATE_S
from vimesh.monitor.references.reference_addresses import parse_references
from vimesh.monitor.targets.verdict import Verdict

PING_IDENTIFIER_S = "PING_IDENTIFIER_S"
"""The environment may set how long pings keep an ICMP identifier."""
REFERENCES = "REFERENCES"
"""The environment may name what shows that the network works."""


def _write(line: object) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _tell(verdict: Verdict) -> None:
    _write([verdict.vim_id, verdict.status, verdict.reason, verdict.detail, verdict.decided_at])


def _obey(host: ActionHost, line: bytes) -> None:
    ((verb, what),) = json.loads(line).items()
    if verb == "start":
        vim_id, auth_url, policy = what
        policy |= {"method": Method(policy["method"]), "depth": Depth(policy["depth"])}
        # JSON has no tuples, and a policy has to be hashable.
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in policy.items()
        }
        host.start(Action(vim_id, "action", auth_url, ProbePolicy(**fields), 0))
    elif verb == "stop":
        host.stop(what, "action")
    elif verb == "stall":
        time.sleep(what)  # blocks the loop, as ordered


async def _main() -> None:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    settings = loopback_settings(
        ping_identifier_s=float(os.environ.get(PING_IDENTIFIER_S, ROTATE_S)),
        references=parse_references(os.environ[REFERENCES]) if REFERENCES in os.environ else (),
    )
    with hosting(_tell, settings) as host:
        _write(list(host.abilities.methods))
        while line := await orders.readline():
            _obey(host, line)


if __name__ == "__main__":
    asyncio.run(_main())
