"""Says what the reason of a status means, whom it blames, and what would remedy a fault of the monitor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from vimesh.domain.explain.claims import FaultKind
from vimesh.domain.probing import Reason

_HTTP: Final = "HTTP_"
_LOCAL: Final = "LOCAL_"

_MEANINGS: Final[Mapping[str, tuple[FaultKind, str]]] = {
    Reason.TIMEOUT: (FaultKind.VIM, "TIMEOUT means that nothing answered within the timeout of the policy."),
    Reason.REFUSED: (
        FaultKind.VIM,
        (
            "REFUSED means that its host answers and refuses the connection: nothing listens at the port, or a firewall"
            " rejects it."
        ),
    ),
    Reason.RESET: (FaultKind.VIM, "RESET means that the connection was closed before the answer was complete."),
    Reason.HOST_UNREACHABLE: (
        FaultKind.VIM,
        "HOST_UNREACHABLE means that a router, or the monitor's own network, found no way to the host.",
    ),
    Reason.NET_UNREACHABLE: (
        FaultKind.VIM,
        "NET_UNREACHABLE means that a router found no way to the network of the host.",
    ),
    Reason.DNS: (FaultKind.VIM, "DNS means that the name in the auth_url has no address."),
    Reason.TLS: (
        FaultKind.VIM,
        "TLS means that no TLS session could be established, or that the certificate was refused.",
    ),
    Reason.PROTOCOL: (FaultKind.VIM, "PROTOCOL means that something answers, but not in HTTP."),
    Reason.SILENT: (
        FaultKind.SILENCE,
        "SILENT means that no report came within the lease: nothing is known of the VIM itself.",
    ),
    Reason.NO_QUORUM: (
        FaultKind.DISAGREEMENT,
        "NO_QUORUM means that too few vantages can tell at present.",
    ),
    Reason.DISPUTED: (
        FaultKind.DISAGREEMENT,
        "DISPUTED means that observers disagree: one reaches the VIM, or its neighbours, and another one does not.",
    ),
    Reason.LOCAL_NO_ROUTE: (
        FaultKind.MONITOR,
        "LOCAL_NO_ROUTE means that the monitor's own machine has no route to the address. It tries again each round.",
    ),
    Reason.LOCAL_NETWORK: (
        FaultKind.MONITOR,
        "LOCAL_NETWORK means that none of the monitor's references answers: what fails may be its own network.",
    ),
    Reason.LOCAL_PERMISSION: (
        FaultKind.MONITOR,
        "LOCAL_PERMISSION means that the system does not let the monitor send such probes. It tries again each round.",
    ),
    Reason.LOCAL_DENIED: (
        FaultKind.MONITOR,
        "LOCAL_DENIED means that the rules of the monitor forbid sending anything to the address: nothing is sent.",
    ),
    Reason.LOCAL_RESOURCES: (
        FaultKind.MONITOR,
        "LOCAL_RESOURCES means that the monitor lacks sockets, memory or ports. It tries again each round.",
    ),
    Reason.LOCAL_RESOLVER: (
        FaultKind.MONITOR,
        "LOCAL_RESOLVER means that the monitor's name servers do not answer. It tries again each round.",
    ),
    Reason.LOCAL_DEFECT: (
        FaultKind.MONITOR,
        "LOCAL_DEFECT means that the prober itself failed; the log of the monitor has the error.",
    ),
    Reason.LOCAL_STUCK: (
        FaultKind.MONITOR,
        "LOCAL_STUCK means that no round of probes has ended for too long, so that the last verdict may be outdated.",
    ),
    Reason.LOCAL_SET_ASIDE: (
        FaultKind.MONITOR,
        "LOCAL_SET_ASIDE means that the VIM's answers blocked the monitor twice: now it is probed rarely.",
    ),
}

_REMEDIES: Final[Mapping[str, str]] = {
    Reason.LOCAL_NO_ROUTE: "Give the machine of the monitor a route to the address.",
    Reason.LOCAL_NETWORK: "Repair the network of the monitor, or name references that it can reach.",
    Reason.LOCAL_PERMISSION: "Allow the monitor to send such probes: for pings, see net.ipv4.ping_group_range.",
    Reason.LOCAL_DENIED: "Allow the address in the monitor's probe rules (probe.allow), or correct the auth_url.",
    Reason.LOCAL_RESOURCES: "Give the monitor more sockets or memory, or start another monitor to share the VIMs.",
    Reason.LOCAL_RESOLVER: "Repair the name servers of the monitor, or put an address into the auth_url.",
    Reason.LOCAL_DEFECT: "Read the log of the monitor for the error.",
    Reason.LOCAL_STUCK: "Read the log of the monitor, or restart it.",
    Reason.LOCAL_SET_ASIDE: "Find out what the VIM answers: its answers took too long to read.",
}


def fault_of(reason: str) -> FaultKind:
    """Return whom a reason blames."""
    if reason in _MEANINGS:
        return _MEANINGS[reason][0]
    if reason.startswith(_LOCAL):
        return FaultKind.MONITOR
    return FaultKind.VIM if _is_http(reason) else FaultKind.OTHER


def meaning_of(reason: str) -> str:
    """Return what a reason means, as a sentence."""
    if reason in _MEANINGS:
        return _MEANINGS[reason][1]
    if reason.startswith(_LOCAL):
        return f"{reason} means a fault of the monitor, or near it: the VIM is not accused."
    if _is_http(reason):
        return f"{reason} means that its API answers with the HTTP status {reason.removeprefix(_HTTP)}."
    return f"{reason} is a word of its reporter, not one of vimesh."


def remedy_for(reason: str) -> str:
    """Return what would end a fault of the monitor, as a sentence."""
    return _REMEDIES.get(reason, "Read the log of the monitor for what it lacks.")


def _is_http(reason: str) -> bool:
    return reason.startswith(_HTTP) and reason.removeprefix(_HTTP).isdecimal()
