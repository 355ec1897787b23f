"""Sends one connection request, and prints as JSON what kept it in this machine if it stayed unanswered for a while.

Arguments: address, seconds. Run this in a namespace.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time

from tests.support.probers.actions import action
from vimesh.monitor.net.ip_addresses import ProbeAddress
from vimesh.monitor.probes.base.connection import Connection
from vimesh.monitor.probes.tcp.own_output import OwnOutput
from vimesh.monitor.targets.target import Target


def _main(ip: str, silent_s: float) -> None:
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    sockaddr = (ip, 5000, 0, 0) if ":" in ip else (ip, 5000)
    connection = Connection(Target(action("http://127.0.0.1")), 1, ProbeAddress(family, sockaddr), time.monotonic)
    connection.start()
    answered, _, _ = select.select([], [connection.fd], [], silent_s)
    fault = OwnOutput(clock=time.monotonic).find_fault([connection])
    json.dump({"answered": bool(answered), "reason": fault and fault.reason}, sys.stdout)
    connection.close()


if __name__ == "__main__":
    _main(sys.argv[1], float(sys.argv[2]))
