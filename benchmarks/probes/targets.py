"""Defines the VIMs of a probing benchmark: number, addresses and policy. Pure: both sides use it."""

from __future__ import annotations

import hashlib
import ipaddress
import uuid
from dataclasses import asdict, dataclass

from vimesh.domain.probing import Method, ProbePolicy

_FIRST_V4 = int(ipaddress.IPv4Address("127.1.0.0"))
_FIRST_V6 = int(ipaddress.IPv6Address("fd00::1:0"))


@dataclass(frozen=True, slots=True)
class Targets:
    """VIMs numbered from 0, each at an address of its own that answers inside a namespace."""

    method: Method
    count: int
    interval_s: float
    scheme: str = "http"
    port: int = 80
    ipv6: bool = False
    history: bool = False
    """Whether the host gathers a history of them."""

    @property
    def rate(self) -> float:
        """Rounds per second."""
        return self.count / self.interval_s

    @property
    def policy(self) -> ProbePolicy:
        """Everything but method and interval has its default; a short interval needs a shorter timeout."""
        return ProbePolicy(self.method, interval_s=self.interval_s, timeout_s=min(1.0, 0.9 * self.interval_s))

    def address(self, number: int) -> str:
        if self.ipv6:
            return str(ipaddress.IPv6Address(_FIRST_V6 + number))
        return str(ipaddress.IPv4Address(_FIRST_V4 + number))

    def auth_url(self, number: int) -> str:
        host = f"[{self.address(number)}]" if self.ipv6 else self.address(number)
        return f"{self.scheme}://{host}:{self.port}/"


def to_json(targets: Targets) -> dict[str, object]:
    return asdict(targets)


def from_json(fields: dict[str, object]) -> Targets:
    return Targets(**fields | {"method": Method(str(fields["method"]))})  # type: ignore[arg-type]  # made by to_json


def vim_id(number: int) -> str:
    """Return the id of a VIM: it looks like a real one, and is the same in every process."""
    return str(uuid.UUID(bytes=hashlib.md5(number.to_bytes(8, "big"), usedforsecurity=False).digest()))
