"""Defines how a VIM is probed, and the reasons that verdicts can have."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import Enum, StrEnum, auto

from vimesh.domain.errors import BadInput, Violation


class Method(StrEnum):
    PING = "PING"
    """ICMP echo."""
    TCP = "TCP"
    """A TCP connection to the port of the auth_url."""
    HTTP = "HTTP"
    """GET of the auth_url. Any answer below 500 shows that the API can be reached."""

    @property
    def depends_on(self) -> AuthUrlPart:
        """The part of the auth_url that its probes depend on."""
        return _DEPENDS_ON[self]


class Depth(StrEnum):
    """How deep a VIM is looked into. Each includes those before it."""

    OF_METHOD = ""
    """What the method gives."""
    ADDRESS = "ADDRESS"
    API = "API"
    SERVICE = "SERVICE"
    """Whether the API is the one that it should be, and says that it is ready."""
    LOGIN = "LOGIN"
    """Whether the credentials of the VIM get a token."""


_DEPTHS = tuple(Depth)[1:]


class AuthUrlPart(Enum):
    """Each part includes those before it."""

    HOST = auto()
    PORT = auto()
    URL = auto()


_DEPENDS_ON = {
    Method.PING: AuthUrlPart.HOST,
    Method.TCP: AuthUrlPart.PORT,
    Method.HTTP: AuthUrlPart.URL,
}


@dataclass(frozen=True, slots=True)
class ProbePolicy:
    """Timings and method of one VIM's probes. The defaults apply to a VIM without a policy."""

    method: Method = Method.HTTP
    interval_s: float = 10.0
    """Time between the starts of two rounds."""
    timeout_s: float = 1.0
    """A probe without an answer for this long has failed."""
    fall: int = 3
    """Failed probes in a row, within one round, until the VIM is unreachable."""
    rise: int = 1
    """Answered probes in a row until the VIM is reachable again."""
    tls_verify: bool = False
    """Whether the certificate of an https auth_url must be valid."""
    fail_for_s: float = 0.0
    """How long failures must have lasted, from the first failed probe on, before the VIM is unreachable."""
    vantages: tuple[str, ...] = ()
    """The names of the places from which it is probed; none: the default one."""
    quorum: int = 0
    """How many vantages have to agree on a status; 0: the majority of those that can tell."""
    depth: Depth = Depth.OF_METHOD
    """How deep it is looked into, as it was given: see `effective_depth`."""
    login_interval_s: float = 300.0
    """Time between two logins, with the depth LOGIN."""

    @property
    def effective_depth(self) -> Depth:
        """How deep it is looked into: never OF_METHOD."""
        if self.depth is not Depth.OF_METHOD:
            return self.depth
        return Depth.API if self.method is Method.HTTP else Depth.ADDRESS

    def reaches(self, depth: Depth) -> bool:
        """Return whether it is looked into at least so deep."""
        return _DEPTHS.index(self.effective_depth) >= _DEPTHS.index(depth)


POLICY_FIELDS = tuple(field.name for field in fields(ProbePolicy))


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """A user's changes to a policy; None leaves a field as it is."""

    method: Method | None = None
    interval_s: float | None = None
    timeout_s: float | None = None
    fall: int | None = None
    rise: int | None = None
    tls_verify: bool | None = None
    fail_for_s: float | None = None
    vantages: tuple[str, ...] | None = None
    quorum: int | None = None
    depth: Depth | None = None
    login_interval_s: float | None = None

    def onto(self, policy: ProbePolicy) -> ProbePolicy:
        """Return the changed policy. Raises BadInput if its values contradict each other."""
        changes = {name: value for name in POLICY_FIELDS if (value := getattr(self, name)) is not None}
        changed = replace(policy, **changes) if changes else policy
        if changed.timeout_s >= changed.interval_s:
            times = f"{changed.timeout_s:g} s is not below {changed.interval_s:g} s"
            raise BadInput(Violation("vim.probe_policy", f"timeout must be shorter than interval: {times}"))
        require_quorum(changed)
        require_depth(changed)
        return changed


def without_vantages(policy: ProbePolicy) -> ProbePolicy:
    """Return what a policy says to those who probe, from wherever they do."""
    return replace(policy, vantages=(), quorum=0) if policy.vantages or policy.quorum else policy


def require_quorum(policy: ProbePolicy) -> None:
    """Raise BadInput if more vantages would have to agree than there are."""
    most = max(len(policy.vantages), 1)
    if policy.quorum > most:
        raise BadInput(Violation("vim.probe_policy.quorum", f"must not exceed the number of vantages, which is {most}"))


def require_depth(policy: ProbePolicy) -> None:
    """Raise BadInput if the method cannot look as deep as the policy says, or looks deeper."""
    if policy.depth is Depth.OF_METHOD or (policy.depth is Depth.ADDRESS) is not (policy.method is Method.HTTP):
        return
    wanted = f"{Method.PING} or {Method.TCP}" if policy.depth is Depth.ADDRESS else str(Method.HTTP)
    text = f"{policy.depth} needs the method {wanted}, and this VIM has {policy.method}; change one of them"
    raise BadInput(Violation("vim.probe_policy.depth", text))


class Reason:
    """Words that explain a verdict. HTTP answers are `HTTP_<code>`."""

    TIMEOUT = "TIMEOUT"
    REFUSED = "REFUSED"
    RESET = "RESET"
    HOST_UNREACHABLE = "HOST_UNREACHABLE"
    NET_UNREACHABLE = "NET_UNREACHABLE"
    DNS = "DNS"
    """The name has no address."""
    TLS = "TLS"
    """No TLS session could be established."""
    PROTOCOL = "PROTOCOL"
    """There was an answer, but not in HTTP."""

    SILENT = "SILENT"
    """No report came within the lease: set by the conductors, never by a prober."""
    NO_QUORUM = "NO_QUORUM"
    """Too few of the VIM's vantages can tell: set by the conductors."""
    DISPUTED = "DISPUTED"
    """One monitor reached the VIM and another one did not, or the vantages disagree."""

    # Faults of the monitor itself. These never make a VIM unreachable (G12).
    LOCAL_NO_ROUTE = "LOCAL_NO_ROUTE"
    LOCAL_NETWORK = "LOCAL_NETWORK"
    """None of the references of the prober answers: its own network may be away."""
    LOCAL_PERMISSION = "LOCAL_PERMISSION"
    LOCAL_DENIED = "LOCAL_DENIED"
    """The rules of the prober forbid to send anything to the address."""
    LOCAL_RESOURCES = "LOCAL_RESOURCES"
    LOCAL_RESOLVER = "LOCAL_RESOLVER"
    LOCAL_DEFECT = "LOCAL_DEFECT"
    """The prober itself failed."""
    LOCAL_STUCK = "LOCAL_STUCK"
    """No round of probes has ended for too long: the last verdict may no longer be true."""
    LOCAL_SET_ASIDE = "LOCAL_SET_ASIDE"
    """The VIM's answers blocked the monitor's loop twice: it is probed rarely, so that it does not harm others."""

    @staticmethod
    def http(code: int) -> str:
        return f"HTTP_{code}"
