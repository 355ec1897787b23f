"""Reads the addresses that a monitor uses as references."""

from __future__ import annotations

from typing import NamedTuple

from vimesh.domain.actions import Action
from vimesh.domain.endpoints import AuthUrlInvalid, endpoint_of
from vimesh.domain.probing import Method, ProbePolicy
from vimesh.domain.settings import Setting

MIN_REFERENCES, MAX_REFERENCES = 2, 8
"""One alone might be down while the network works. Each one costs a probe per second."""
REFERENCE_LIMIT_S = 1.0
"""An answer that takes longer does not count."""
_MAX_SHOWN = 50
_MIN_COLONS_OF_IPV6 = 2


class ReferenceAddress(NamedTuple):
    """Something whose answers prove that the monitor's network works."""

    text: str
    """As it was written: free of secrets."""
    method: Method
    url: str

    def action(self) -> Action:
        """Return what its probes are made from: each one is a round of its own."""
        return Action(self.text, "", self.url, ProbePolicy(self.method, timeout_s=REFERENCE_LIMIT_S, fall=1), 0)


References = tuple[ReferenceAddress, ...]


def parse_references(text: str) -> References:
    """Parse hosts, which are pinged, `host:port`, or URLs, separated by commas. Raises ValueError."""
    if text.lstrip(" [").startswith(('"', "'")):
        raise ValueError("must be one string, such as '192.0.2.1,192.0.2.53:53', not a list")
    if any(mark in text for mark in "@?#"):
        # Not quoted, because that may be a password.
        raise ValueError("must be addresses without user, query and fragment")
    parts = [part for each in text.split(",") if (part := each.strip())]
    if not MIN_REFERENCES <= len(parts) <= MAX_REFERENCES:
        raise ValueError(f"must be {MIN_REFERENCES} to {MAX_REFERENCES} addresses, or none, not {text[:_MAX_SHOWN]!r}")
    references = tuple(map(_reference, parts))
    if len({endpoint_of(one.url).host for one in references}) < MIN_REFERENCES:
        raise ValueError("must name at least two different hosts: one alone may be down while the network works")
    return references


def format_references(references: References) -> str:
    """Format references in the form that `parse_references` parses."""
    return ",".join(one.text for one in references)


def _reference(text: str) -> ReferenceAddress:
    shown = repr(text[:_MAX_SHOWN])
    if "://" in text:
        return _checked(ReferenceAddress(text, Method.HTTP, text), shown)
    if "/" in text:
        raise ValueError(f"must be a host, host:port, or a URL, not {shown}")
    host, bracket, port = text.rpartition("]:")
    if text.startswith("[") and bracket:
        return _checked(ReferenceAddress(text, Method.TCP, f"http://{host}]:{port}"), shown, port)
    if text.count(":") >= _MIN_COLONS_OF_IPV6:
        bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
        return _checked(ReferenceAddress(text, Method.PING, f"http://[{bare}]"), shown)
    host, colon, port = text.rpartition(":")
    if colon:
        return _checked(ReferenceAddress(text, Method.TCP, f"http://{host}:{port}"), shown, port)
    return _checked(ReferenceAddress(text, Method.PING, f"http://{text}"), shown)


def _checked(reference: ReferenceAddress, shown: str, port: str | None = None) -> ReferenceAddress:
    if port is not None and not (port.isascii() and port.isdigit()):
        raise ValueError(f"must be a host, host:port, or a URL, not {shown}: the port is no number")
    try:
        endpoint_of(reference.url)
    except AuthUrlInvalid as error:
        raise ValueError(f"must be a host, host:port, or a URL, not {shown}: {error}") from None
    return reference


_NONE: References = ()
REFERENCES = Setting("monitor.references", parse_references, _NONE, own_flag="--reference")
"""Monitors, executors and `vimesh up` share it."""
