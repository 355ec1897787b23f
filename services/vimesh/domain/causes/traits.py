"""Says what VIMs have in common: each trait is something whose failure would be seen at all VIMs that have it."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple

from vimesh.domain.endpoints import AuthUrlInvalid, endpoint_of
from vimesh.domain.probing import Reason
from vimesh.domain.views.vantages import DEFAULT_VANTAGE
from vimesh.domain.vims import CauseKind, Status

WINDOW_S: Final = 60.0
"""Changes that are further apart do not come together: VIMs are probed each 10 s, some each minute."""


class Trait(NamedTuple):
    """What VIMs may have in common. It is a key of large dictionaries, so its text is only made when it is shown."""

    kind: CauseKind
    size: int
    """Of a prefix its length in bits, of a domain the number of its labels; otherwise 0."""
    value: int | str
    """Of a prefix its bits."""
    project_id: str = ""
    """Of a label its project: what others call the same is something else. Otherwise empty."""

    @property
    def subject(self) -> str:
        """The trait for people: `192.0.2.0/24`, `*.example.org`, `rack=a7`, the id of a monitor."""
        if isinstance(self.value, str):
            return f"*.{self.value}" if self.size and self.kind is not CauseKind.RESOLVER else self.value
        if self.size > _V6_OFFSET:
            length = self.size - _V6_OFFSET
            return f"{ipaddress.IPv6Address(self.value << (128 - length))}/{length}"
        return f"{ipaddress.IPv4Address(self.value << (32 - self.size))}/{self.size}"


class CauseMember(NamedTuple):
    """A VIM, as far as causes depend on it."""

    vim_id: str
    project_id: str
    host: str
    """As the auth_url has it: an address or a name."""
    is_tls: bool
    labels: Mapping[str, str]
    status: Status
    reason: str
    age_s: float
    """Since when the status has held."""
    engine: str = ""
    """The engine of its ping action; empty: it does not matter."""
    vantages: tuple[str, ...] = (DEFAULT_VANTAGE,)
    """Those whose failure would explain its status. Of several that look at a VIM which is lost, it is the one whose
    opinion changed lately, and none if more did; while the VIM can be reached, all that reach it."""

    @property
    def changed_lately(self) -> bool:
        return self.age_s < WINDOW_S


# As nearly all are, in a tenth of the time that it takes to check everything.
_PLAIN_URL = re.compile(r"(https?)://(?:\[([0-9a-f:.]+)\]|([a-z0-9.-]+))(?::[0-9]+)?(?:[/?]|\Z)")
_V4_LENGTHS: Final = (24, 22, 20, 16, 12, 8)
_V6_LENGTHS: Final = (64, 56, 48, 32)
_V6_OFFSET: Final = 1000
"""Added to the lengths of IPv6 prefixes, so that they are none of IPv4."""
_MAX_DOMAINS: Final = 4
MAX_LABELS: Final = 16
"""More labels of a VIM are not looked at: there are as many traits as labels."""
ALL_NAMES: Final = Trait(CauseKind.RESOLVER, 0, "all names")
BAD: Final = frozenset({Status.UNREACHABLE, Status.UNKNOWN})
Places = tuple[tuple[str, str], ...]
"""The ids of monitors and their vantages; that of a monitor is empty where none is known."""
PlacesOf = Callable[[CauseMember], Places]
"""Returns where a VIM is probed."""
OF_PROBER: Final = frozenset({CauseKind.MONITOR, CauseKind.VANTAGE})
_DOUBTS: Final = frozenset({Reason.SILENT, Reason.DISPUTED, Reason.NO_QUORUM})
"""The VIM itself may be well: another observer reaches it, or nobody has looked at it."""
_OF_ANY: Final = OF_PROBER | {CauseKind.LABEL}
EVERY_KIND: Final = frozenset(CauseKind)


@lru_cache(maxsize=1000)
def kinds_of_reason(reason: str) -> frozenset[CauseKind]:
    """Return the kinds of causes whose effects would be seen by this reason."""
    if reason in _DOUBTS or reason.startswith("LOCAL_"):
        return OF_PROBER
    if reason == Reason.DNS:
        return _OF_ANY | {CauseKind.RESOLVER}
    if reason == Reason.TLS:
        return _OF_ANY | {CauseKind.CERTIFICATE}
    return _OF_ANY | {CauseKind.NETWORK}


Neighbourhood = tuple[int, int | str]
"""The hosts that have all traits but their own in common: those of a /24 or a /64, or of a domain. The width of their
addresses in bits, or 0 for names; and what is the same of all."""


def neighbourhood_of(host: str) -> tuple[Neighbourhood, Trait]:
    """Return where a host is, and the trait that only VIMs of the same host have."""
    try:
        bits = int.from_bytes(socket.inet_pton(socket.AF_INET, host))
    except (OSError, ValueError):
        pass
    else:
        return (32, bits >> 8), Trait(CauseKind.NETWORK, 32, bits)
    try:
        bits = int.from_bytes(socket.inet_pton(socket.AF_INET6, host.partition("%")[0]))
    except (OSError, ValueError):
        name = host.removesuffix(".").lower()
        return (0, name.partition(".")[2]), Trait(CauseKind.NETWORK, 0, name)
    return (128, bits >> 64), Trait(CauseKind.NETWORK, 128 + _V6_OFFSET, bits)


def traits_of_neighbourhood(where: Neighbourhood, *, is_tls: bool) -> list[Trait]:
    """Return the traits of all its hosts."""
    width, value = where
    if isinstance(value, int):
        lengths, known, offset = (_V4_LENGTHS, 24, 0) if width == 32 else (_V6_LENGTHS, 64, _V6_OFFSET)
        return [Trait(CauseKind.NETWORK, length + offset, value >> (known - length)) for length in lengths]
    traits, labels = [ALL_NAMES], value.split(".")
    # Not the last label alone: `org` is nobody's.
    for start in range(min(len(labels) - 1, _MAX_DOMAINS)):
        size, domain = len(labels) - start, ".".join(labels[start:])
        kinds = (CauseKind.NETWORK, CauseKind.RESOLVER, *((CauseKind.CERTIFICATE,) if is_tls else ()))
        traits += [Trait(kind, size, domain) for kind in kinds]
    return traits


def traits_of_places(places: Places) -> list[Trait]:
    """Return the monitors and the vantages of a VIM, as far as they are known."""
    return [
        Trait(kind, 0, value)
        for place in places
        for kind, value in zip((CauseKind.MONITOR, CauseKind.VANTAGE), place, strict=True)
        if value
    ]


def trait_of_subject(kind: CauseKind, subject: str, project_id: str) -> Trait:
    """Return the trait that has this subject; the project counts for labels."""
    if kind is CauseKind.LABEL:
        return Trait(kind, 0, subject, project_id)
    if subject == ALL_NAMES.subject:
        return ALL_NAMES
    if kind is CauseKind.NETWORK and "/" in subject:
        network = ipaddress.ip_network(subject)
        length, offset = network.prefixlen, 0 if network.version == 4 else _V6_OFFSET
        return Trait(kind, length + offset, int(network.network_address) >> (network.max_prefixlen - length))
    if kind is CauseKind.RESOLVER:
        return Trait(kind, subject.count(".") + 1, subject)
    if kind in {CauseKind.NETWORK, CauseKind.CERTIFICATE} and subject.startswith("*."):
        return Trait(kind, subject.count("."), subject.removeprefix("*."))
    return Trait(kind, 0, subject)


def trait_of_label(project_id: str, key: str, value: str) -> Trait:
    return Trait(CauseKind.LABEL, 0, f"{key}={value}", project_id)


def traits_of(member: CauseMember, places: Places) -> list[Trait]:
    """Return all traits of a VIM that could be a cause, whatever its status."""
    traits = traits_of_places(places)
    if member.host:
        where, own = neighbourhood_of(member.host)
        traits += [own, *traits_of_neighbourhood(where, is_tls=member.is_tls)]
    return traits + [trait_of_label(member.project_id, *label) for label in islice(member.labels.items(), MAX_LABELS)]


def host_of(auth_url: str) -> tuple[str, bool]:
    """Return the host of an auth_url, and whether it is asked by TLS; an empty host if it has none."""
    if plain := _PLAIN_URL.match(auth_url):
        return plain[2] or plain[3], plain[1] == "https"
    try:
        endpoint = endpoint_of(auth_url)
    except AuthUrlInvalid:
        return "", False
    return endpoint.host, endpoint.scheme == "https"
