"""Makes network namespaces: machines of their own, in which addresses can be silenced.

In each, all of 127.0.0.0/8 and fd00::/64 answer pings, and servers on 0.0.0.0 or :: are reached at any of them.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from collections.abc import Generator, Iterable
from contextlib import contextmanager

_numbers = itertools.count(1)
_COMMAND_TIMEOUT_S = 20

_RULES = """
table inet fall {
  set silent_v4 { type ipv4_addr; }
  set silent_v6 { type ipv6_addr; }
  set rejected_v4 { type ipv4_addr; }
  set rejected_v6 { type ipv6_addr; }
  chain prerouting {
    type filter hook prerouting priority -300; policy accept;
    ip daddr @silent_v4 drop
    ip6 daddr @silent_v6 drop
  }
  chain input {
    type filter hook input priority 0; policy accept;
    ip daddr @rejected_v4 meta l4proto tcp reject with tcp reset
    ip6 daddr @rejected_v6 meta l4proto tcp reject with tcp reset
    ip daddr @rejected_v4 reject with icmp type host-unreachable
    ip6 daddr @rejected_v6 reject with icmpv6 type addr-unreachable
  }
}
"""


class Namespace:
    """One machine."""

    def __init__(self, name: str) -> None:
        self.name = name

    def command(self, *words: str) -> list[str]:
        """Return the command line that runs a command inside."""
        return ["ip", "netns", "exec", self.name, *words]

    def run(self, *words: str, stdin: str | None = None) -> str:
        """Run a command inside, and return its output."""
        return _run(self.command(*words), stdin)

    def drop(self, addresses: Iterable[str]) -> None:
        """Make addresses silent, all at one instant: everything sent to them is lost."""
        self._edit("add", "silent", addresses)

    def undrop(self, addresses: Iterable[str]) -> None:
        self._edit("delete", "silent", addresses)

    def reject(self, addresses: Iterable[str]) -> None:
        """Make addresses refuse: pings are answered `host unreachable`, connections are reset."""
        self._edit("add", "rejected", addresses)

    def unreject(self, addresses: Iterable[str]) -> None:
        self._edit("delete", "rejected", addresses)

    def _edit(self, verb: str, name: str, addresses: Iterable[str]) -> None:
        by_version: dict[str, list[str]] = {}
        for address in addresses:
            by_version.setdefault("v6" if ":" in address else "v4", []).append(address)
        # One script is one transaction of the kernel.
        script = "".join(
            f"{verb} element inet fall {name}_{version} {{ {', '.join(members)} }}\n"
            for version, members in by_version.items()
        )
        self.run("nft", "-f", "-", stdin=script)


def why_not() -> str:
    """Return what prevents this process from making namespaces; empty if nothing does."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    missing = [tool for tool in ("ip", "nft", "sysctl") if shutil.which(tool) is None]
    return f"not installed: {', '.join(missing)}" if missing else ""


@contextmanager
def namespace(*, pings_for_all: bool = True) -> Generator[Namespace]:
    """Make a new machine; with `pings_for_all`, every process may open ICMP datagram sockets."""
    machine = Namespace(f"vimesh-{os.getpid()}-{next(_numbers)}")
    _run(["ip", "netns", "add", machine.name])
    try:
        _run(["ip", "-n", machine.name, "link", "set", "lo", "up"])
        _run(["ip", "-n", machine.name, "-6", "route", "add", "local", "fd00::/64", "dev", "lo"])
        groups = "0 2147483647" if pings_for_all else "1 0"
        machine.run("sysctl", "-qw", f"net.ipv4.ping_group_range={groups}")
        machine.run("nft", "-f", "-", stdin=_RULES)
        yield machine
    finally:
        _run(["ip", "netns", "delete", machine.name])


def _run(command: list[str], stdin: str | None = None) -> str:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=_COMMAND_TIMEOUT_S, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
