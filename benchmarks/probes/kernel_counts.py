"""Reads what the kernel counted inside a namespace: how many probes were sent and answered, by any program."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Echoes:
    """ICMP echo of both families together, since the namespace was made."""

    requests: int
    replies: int
    dropped: int
    """Replies for which a socket had no room; only of the sockets that are open now."""

    def since(self, before: Echoes) -> Echoes:
        return Echoes(self.requests - before.requests, self.replies - before.replies, self.dropped - before.dropped)


def echoes_at(pid: int) -> Echoes:
    """Return the counts of the namespace of a process."""
    net = Path(f"/proc/{pid}/net")
    v4 = _table(net / "snmp", "IcmpMsg")
    v6 = dict(row.split() for row in (net / "snmp6").read_text().splitlines())
    sockets = [row for name in ("icmp", "icmp6", "raw", "raw6") for row in _rows(net / name)]
    return Echoes(
        requests=v4.get("OutType8", 0) + int(v6["Icmp6OutEchos"]),
        replies=v4.get("InType0", 0) + int(v6["Icmp6InEchoReplies"]),
        dropped=sum(int(row.split()[-1]) for row in sockets),
    )


def connections_at(pid: int) -> int:
    """Return how many TCP connections servers inside have accepted."""
    return _table(Path(f"/proc/{pid}/net/snmp"), "Tcp")["PassiveOpens"]


def _table(path: Path, name: str) -> dict[str, int]:
    rows: Iterable[list[str]] = (row.split() for row in path.read_text().splitlines() if row.startswith(f"{name}:"))
    heads, values = [*rows][:2] or ([], [])
    return {head: int(value) for head, value in zip(heads[1:], values[1:], strict=True)}


def _rows(path: Path) -> list[str]:
    return path.read_text().splitlines()[1:]
