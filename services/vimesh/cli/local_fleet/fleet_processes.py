"""Defines the processes of a fleet on one machine: conductors, front, api process, monitor, notifier and console."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from vimesh.cli.base.command_settings import DATABASE_URL, KEYSTONE_FILE, METRICS, MISTRAL_URL, SECRET_VARIABLES
from vimesh.cli.local_fleet.free_ports import free_ports
from vimesh.cli.local_fleet.grpc_ready import until_serving
from vimesh.cli.local_fleet.http_ready import until_answering
from vimesh.cli.supervision.start_process import Program, vimesh
from vimesh.domain.settings import CREDENTIALS, Setting
from vimesh.domain.vims import Engine
from vimesh.envoy.envoy_binary import command
from vimesh.envoy.fleet.front_fleet import ClusterHost, Door, ListenAddress, door_target
from vimesh.envoy.write_files import write_endpoints
from vimesh.target_rules.networks import Networks, format_networks
from vimesh.target_rules.rule_settings import PROBE_ALLOW, PROBE_DENY, TARGET_ALLOW, TARGET_DENY
from vimesh.target_rules.target_rules import TargetRules

LOOPBACK = "127.0.0.1"
_REST = "/v1.0/"
_CONSOLE = "/console/config.json"

Environment = Mapping[str, str]

_OWN = frozenset({CREDENTIALS.variable, METRICS.variable})
"""What each process has of its own."""


class Members:
    """Keeps the members of a cluster that serve in the endpoint file that Envoy reads."""

    def __init__(self, directory: Path, cluster: str) -> None:
        self._directory = directory
        self._cluster = cluster
        self._serving: dict[str, ClusterHost] = {}

    @property
    def addresses(self) -> Mapping[str, Door]:
        return {name: host.address for name, host in self._serving.items()}

    def serves(self, name: str, host: ClusterHost) -> None:
        self._serving[name] = host
        self._write()

    def ended(self, name: str) -> None:
        if self._serving.pop(name, None) is not None:
            self._write()

    def _write(self) -> None:
        write_endpoints(self._directory, self._cluster, self._serving.values())


def free_host(_name: str) -> ClusterHost:
    """Return two free ports. New ones at each start, because another process may have taken the old ones."""
    serving, health = (ListenAddress(LOOPBACK, port) for port in free_ports(LOOPBACK, 2))
    return ClusterHost(serving, health)


class ConductorPart:
    def __init__(  # noqa: PLR0913 - it gets all its collaborators here
        self,
        number: int,
        database_url: str,
        key_file: Path,
        members: Members,
        environment: Environment,
        *,
        engine: Engine,
        choose_host: Callable[[str], ClusterHost] = free_host,
        audit_file: Path | None = None,
        quota_arguments: Sequence[str] = (),
        metrics: Path | None = None,
        channelz: Path | None = None,
    ) -> None:
        """`choose_host`: returns where the process with this name serves; called at each start.

        `audit_file`: where a secured fleet records changes and refusals; None: it asks nobody who he is.
        `metrics`, `channelz`: sockets to serve them on; None: it does not.
        """
        self.name = f"conductor-{number}"
        self._choose_host = choose_host
        self._database_url = database_url
        self._key_file = key_file
        self._members = members
        self._environment = environment
        self._engine = engine
        self._audit_file = audit_file
        self._quota_arguments = quota_arguments
        self._metrics = metrics
        self._channelz = channelz
        self._host = ClusterHost(ListenAddress(LOOPBACK, 0))

    def prepare(self) -> Program:
        self._host = self._choose_host(self.name)
        arguments = ["conductor", "--listen", door_target(self._host.address)]
        if self._host.health is not None:
            arguments += ["--health-listen", door_target(self._host.health)]
        arguments += ["--key-file", str(self._key_file)]
        arguments += ["--engine", self._engine.lower()]
        if self._audit_file is not None:
            arguments += ["--require-identity", "--audit-file", str(self._audit_file)]
        arguments += [*self._quota_arguments, *_metrics(self._metrics)]
        if self._channelz is not None:
            arguments += ["--channelz", f"unix:{self._channelz}"]
        environment = {**self._environment, DATABASE_URL.variable: self._database_url}
        # All users can read command lines, and the URL of a database server may hold a password, even in its query.
        if self._database_url.startswith("sqlite:"):
            arguments += ["--database-url", self._database_url]
        return Program(vimesh(*arguments), environment)

    async def ready(self) -> None:
        await until_serving(door_target(self._host.address))
        self._members.serves(self.name, self._host)

    def ended(self) -> None:
        self._members.ended(self.name)


@dataclass(frozen=True, slots=True)
class EnvoyProcess:
    binary: str
    bootstrap: Path
    address: str
    """Address at which this machine reaches it."""
    environment: Environment
    credentials: Path | None = None
    """What this machine shows to a secured front."""
    name: str = "envoy"

    def prepare(self) -> Program:
        return Program(command(self.binary, self.bootstrap, log_level="warning"), self.environment)

    async def ready(self) -> None:
        await until_serving(self.address, self.credentials)

    def ended(self) -> None:
        """Do nothing: clients notice."""


@dataclass(frozen=True, slots=True)
class MonitorPart:
    address: str
    environment: Environment
    rules: TargetRules
    credentials: Path | None = None
    metrics: Path | None = None
    name: str = "monitor"
    history: bool = False

    def prepare(self) -> Program:
        arguments = ["monitor", "--address", self.address, *_shown(self.credentials), *_metrics(self.metrics)]
        arguments.append("--history" if self.history else "--no-history")
        arguments += _networks(PROBE_ALLOW, self.rules.allow) + _networks(PROBE_DENY, self.rules.deny)
        return Program(vimesh(*arguments), self.environment)

    async def ready(self) -> None:
        """Return at once: a monitor serves no calls."""

    def ended(self) -> None:
        """Do nothing: the leases of its actions expire."""


@dataclass(frozen=True, slots=True)
class NotifierPart:
    address: str
    environment: Environment
    rules: TargetRules
    credentials: Path | None = None
    metrics: Path | None = None
    name: str = "notifier"

    def prepare(self) -> Program:
        arguments = ["notify", "--address", self.address, *_shown(self.credentials), *_metrics(self.metrics)]
        arguments += _networks(TARGET_ALLOW, self.rules.allow) + _networks(TARGET_DENY, self.rules.deny)
        return Program(vimesh(*arguments), self.environment)

    async def ready(self) -> None:
        """Return at once: a notifier serves no calls."""

    def ended(self) -> None:
        """Do nothing: its claims on receivers expire."""


@dataclass(frozen=True, slots=True)
class Ways:
    """Two addresses of the same front."""

    own: str
    """`host:port`, or `unix:` and a path: for the fleet's own processes."""
    front: str
    """`host:port`: for all other clients."""
    credentials: Path | None = None
    """What the part shows to a secured front."""
    administrator: Path | None = None
    """What this machine shows to a secured front."""


class ApiPart:
    name = "api"

    def __init__(  # noqa: PLR0913 - as above
        self,
        ways: Ways,
        socket: Path,
        members: Members,
        environment: Environment,
        *,
        engine: Engine,
        mistral_url: str,
        keystone_file: Path | None = None,
        metrics: Path | None = None,
    ) -> None:
        """`socket`: where it serves; `metrics`: where its metrics are.

        An empty `mistral_url` means the URL in Keystone's catalog.
        """
        self._ways = ways
        self._socket = socket
        self._members = members
        self._environment = environment
        self._engine = engine
        self._mistral_url = mistral_url
        self._keystone_file = keystone_file
        self._metrics = metrics

    def prepare(self) -> Program:
        arguments = ["api", "--listen", door_target(self._socket), "--address", self._ways.own]
        arguments += ["--engine", self._engine.lower(), *_shown(self._ways.credentials), *_metrics(self._metrics)]
        if self._mistral_url and urlsplit(self._mistral_url).password is None:
            arguments += ["--mistral-url", self._mistral_url]
        if self._keystone_file is not None:
            arguments += [KEYSTONE_FILE.flag, str(self._keystone_file)]
        return Program(vimesh(*arguments), {**self._environment, MISTRAL_URL.variable: self._mistral_url})

    async def ready(self) -> None:
        await until_answering(_REST, door_target(self._socket))
        self._members.serves(self.name, ClusterHost(self._socket))
        # Also wait until Envoy routes to it: users may call it as soon as they read that the fleet is up.
        await until_answering(_REST, self._ways.front, self._ways.administrator)

    def ended(self) -> None:
        self._members.ended(self.name)


class ConsolePart:
    name = "console"

    def __init__(
        self, ways: Ways, socket: Path, members: Members, environment: Environment, metrics: Path | None = None
    ) -> None:
        """`socket`: where it serves; `metrics`: where its metrics are."""
        self._ways = ways
        self._socket = socket
        self._members = members
        self._environment = environment
        self._metrics = metrics

    def prepare(self) -> Program:
        arguments = ["console", "--listen", door_target(self._socket), "--address", self._ways.own]
        arguments += [*_shown(self._ways.credentials), *_metrics(self._metrics)]
        return Program(vimesh(*arguments), self._environment)

    async def ready(self) -> None:
        await until_answering(_CONSOLE, door_target(self._socket))
        self._members.serves(self.name, ClusterHost(self._socket))
        await until_answering(_CONSOLE, self._ways.front, self._ways.administrator)

    def ended(self) -> None:
        self._members.ended(self.name)


def _shown(credentials: Path | None) -> list[str]:
    return [] if credentials is None else [CREDENTIALS.flag, str(credentials)]


def _networks(setting: Setting[Networks], networks: Networks) -> list[str]:
    return [setting.flag, format_networks(networks)] if networks else []


def _metrics(socket: Path | None) -> list[str]:
    return [] if socket is None else [METRICS.flag, door_target(socket)]


def without_secrets(environment: Environment) -> dict[str, str]:
    """Return the environment without secrets and without the user's own identity: each process gets what it needs."""
    return {key: value for key, value in environment.items() if key not in {*SECRET_VARIABLES, *_OWN}}
