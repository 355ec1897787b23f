"""Defines the flags that set how a VIM is probed."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Annotated

import typer
from google.protobuf.duration_pb2 import Duration

from vimesh.cli.base.durations import seconds
from vimesh.domain.settings import BadFlag
from vimesh.domain.views.vantages import vantage_name
from vimesh.v1.vim_pb2 import ProbePolicy

_MAX_VANTAGES = 8
_METHODS = {name.lower(): method for name, method in ProbePolicy.Method.items() if method}
_DEPTHS = {name.lower(): depth for name, depth in ProbePolicy.Depth.items() if depth}


Method = Annotated[
    str | None, typer.Option("--method", metavar="|".join(_METHODS), help="Probe method (default: http).")
]
Interval = Annotated[
    str | None, typer.Option("--interval", metavar="DURATION", help="Time between two rounds of probes (default: 10s).")
]
Timeout = Annotated[
    str | None,
    typer.Option("--timeout", metavar="DURATION", help="Time after which an unanswered probe fails (default: 1s)."),
]
Fall = Annotated[
    int | None, typer.Option("--fall", metavar="N", help="Failed probes until the VIM is UNREACHABLE (default: 3).")
]
Rise = Annotated[
    int | None,
    typer.Option("--rise", metavar="N", help="Answered probes until the VIM is REACHABLE again (default: 1)."),
]
TlsVerify = Annotated[
    bool | None,
    typer.Option("--tls-verify/--no-tls-verify", help="Whether to require a valid certificate (default: no)."),
]
FailFor = Annotated[
    str | None,
    typer.Option(
        "--fail-for", metavar="DURATION", help="How long failures must last until the VIM is UNREACHABLE (default: 0s)."
    ),
]
Vantages = Annotated[
    list[str] | None,
    typer.Option("--vantage", metavar="NAME", help="Place to probe from; may be repeated (default: default)."),
]
Quorum = Annotated[
    int | None,
    typer.Option(
        "--quorum",
        metavar="N",
        help="Vantages that must agree; 0: the majority of those that can tell (default: 0).",
    ),
]
Depth = Annotated[
    str | None,
    typer.Option(
        "--depth", metavar="|".join(_DEPTHS), help="How deep to look into the VIM (default: what the method gives)."
    ),
]
LoginInterval = Annotated[
    str | None,
    typer.Option(
        "--login-interval", metavar="DURATION", help="Time between two logins, with --depth login (default: 5m)."
    ),
]


@dataclass(frozen=True, slots=True)
class PolicyFlags:
    """Values of the flags; None if not given."""

    method: str | None
    interval: str | None
    timeout: str | None
    fall: int | None
    rise: int | None
    tls_verify: bool | None
    fail_for: str | None
    vantages: list[str] | None = None
    quorum: int | None = None
    depth: str | None = None
    login_interval: str | None = None

    @property
    def given(self) -> bool:
        return any(value not in (None, []) for value in astuple(self))

    def check(self) -> None:
        """Raise BadFlag for a value that a flag cannot have, before anything is called."""
        self.apply(ProbePolicy())

    def apply(self, policy: ProbePolicy) -> None:
        """Set the given fields and keep the others. Raises BadFlag."""
        if self.method is not None:
            if self.method.lower() not in _METHODS:
                raise BadFlag("--method", f"must be one of {', '.join(_METHODS)}, not {self.method!r}")
            policy.method = _METHODS[self.method.lower()]
        if self.interval is not None:
            policy.interval.CopyFrom(_duration("--interval", self.interval))
        if self.timeout is not None:
            policy.timeout.CopyFrom(_duration("--timeout", self.timeout))
        if self.fall is not None:
            policy.fall = _count("--fall", self.fall)
        if self.rise is not None:
            policy.rise = _count("--rise", self.rise)
        if self.tls_verify is not None:
            policy.tls_verify = self.tls_verify
        if self.fail_for is not None:
            policy.fail_for.CopyFrom(_duration("--fail-for", self.fail_for))
        self._apply_vantages(policy)
        self._apply_depth(policy)

    def _apply_depth(self, policy: ProbePolicy) -> None:
        if self.depth is not None:
            if self.depth.lower() not in _DEPTHS:
                raise BadFlag("--depth", f"must be one of {', '.join(_DEPTHS)}, not {self.depth!r}")
            policy.depth = _DEPTHS[self.depth.lower()]
        if self.login_interval is not None:
            policy.login_interval.CopyFrom(_duration("--login-interval", self.login_interval))

    def _apply_vantages(self, policy: ProbePolicy) -> None:
        if self.vantages:
            del policy.vantages[:]
            policy.vantages.extend(map(_vantage, self.vantages))
        if self.quorum is not None:
            if not 0 <= self.quorum <= _MAX_VANTAGES:
                raise BadFlag("--quorum", f"must be from 0 to {_MAX_VANTAGES}, not {self.quorum}")
            policy.quorum = self.quorum


def _duration(flag: str, text: str) -> Duration:
    try:
        value_s = seconds(text)
    except ValueError as error:
        raise BadFlag(flag, str(error)) from error
    nanos = round(value_s * 1e9)
    return Duration(seconds=nanos // 10**9, nanos=nanos % 10**9)


def _vantage(text: str) -> str:
    try:
        return vantage_name(text)
    except ValueError as error:
        raise BadFlag("--vantage", str(error)) from error


def _count(flag: str, value: int) -> int:
    # On the wire 0 means the default, which is not what a user who types 0 intends.
    if not 1 <= value <= 10:
        raise BadFlag(flag, f"must be from 1 to 10, not {value}")
    return value
