"""Defines every setting of every command; those of all clients are in `common_settings.py`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from vimesh.bridge.calls.broker_users import BrokerUsers, parse_broker_users
from vimesh.bridge.calls.unnamed_reports import REJECT_ALL, parse_policies
from vimesh.bridge.config.transport_url import TransportUrl, transport_url
from vimesh.cli.base.common_settings import CALL_TIMEOUT, OUTPUT, UP_DATA_DIR, positive_s
from vimesh.cli.base.durations import seconds
from vimesh.cli.base.history_settings import HISTORY_SIZE, MONITOR_HISTORY, UP_HISTORY
from vimesh.cli.base.key_file import key_file_of
from vimesh.cli.base.quota_settings import QUOTA_CHANGES_PER_S, QUOTA_EVENT_BYTES, QUOTA_FILE, QUOTA_VIMS
from vimesh.cli.base.sizes import bytes_of
from vimesh.client.credentials.profiles import PROFILE
from vimesh.domain.access.issuer_origins import origin_of
from vimesh.domain.access.secure_urls import secure_url
from vimesh.domain.actions import Shard
from vimesh.domain.errors import BadSetting
from vimesh.domain.pool.pool_members import MAX_CAPACITY
from vimesh.domain.retention import Retention
from vimesh.domain.settings import (
    ADDRESS,
    CONFIG_VARIABLE,
    CREDENTIALS,
    Setting,
    Sources,
    host_and_port,
    one_of,
    truth,
)
from vimesh.domain.views.vantages import DEFAULT_VANTAGE, vantage_name
from vimesh.domain.vims import Engine
from vimesh.monitor.references.reference_addresses import REFERENCES
from vimesh.target_rules.rule_settings import PROBE_ALLOW, PROBE_DENY, TARGET_ALLOW, TARGET_DENY
from vimesh.target_rules.target_rules import NOTIFICATIONS, TargetRules

DEFAULT_PORT = 7600
DEFAULT_METRICS_PORT = 9464
"""That of OpenTelemetry's exporter for Prometheus."""
NO_METRICS = -1
_LEAST_KEPT = "16MiB"

_MAX_DIGITS = 20
_MAX_NOTIFIER_ID = 128
_MAX_CLIENT_ID = 255
_MAX_SCOPES = 16
_MAX_ORIGINS = 8
_SCOPE = re.compile(r"[!#-\[\]-~]{1,128}", re.ASCII)


class LogFormat(StrEnum):
    AUTO = "auto"
    """`console` on a terminal, else `logfmt`."""
    CONSOLE = "console"
    LOGFMT = "logfmt"
    JSON = "json"


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def _whole(text: str) -> bool:
    # Bounded, because int() refuses very long numbers with an error of its own.
    return text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS


def _number(lowest: int, highest: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if _whole(text) and lowest <= int(text) <= highest:
            return int(text)
        raise ValueError(f"must be a number from {lowest} to {highest}, not {text[:50]!r}")

    return parse


def _kept_bytes(text: str) -> int:
    # The log is dropped in steps of about 1 MiB, which makes small limits imprecise.
    if (size := bytes_of(text)) >= bytes_of(_LEAST_KEPT):
        return size
    raise ValueError(f"must be at least {_LEAST_KEPT}")


def _ip(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise ValueError(f"must be an IP address, not {text[:50]!r}") from None


def _listen(text: str) -> str:
    # Port 0 means any free port.
    return text if text.endswith(":0") or text.startswith("unix:/") else host_and_port(text)


def _listen_or_not(text: str) -> str:
    return _listen(text) if text else ""


def _metrics_port(text: str) -> int:
    return NO_METRICS if text == "off" else _number(0, 65535)(text)


def _project(text: str) -> str:
    if len(text.strip()) > 0 and len(text) <= 255 and text.isprintable():
        return text
    raise ValueError(f"must be a project id, not {text[:50]!r}")


def _issuer(text: str) -> str:
    if not text:
        return ""
    origin_of(text)
    if secure_url(text).query:
        raise ValueError("must be the URL of an issuer, without a query")
    return text


def _client_id(text: str) -> str:
    if text.isascii() and text.isprintable() and len(text) <= _MAX_CLIENT_ID:
        return text
    raise ValueError(f"must have at most {_MAX_CLIENT_ID} printable characters of ASCII")


def _scopes(text: str) -> tuple[str, ...]:
    scopes = tuple(dict.fromkeys(text.replace(",", " ").split()))
    if len(scopes) > _MAX_SCOPES or not all(_SCOPE.fullmatch(scope) for scope in scopes):
        raise ValueError(f"must be at most {_MAX_SCOPES} scopes of OAuth 2.0, separated by spaces")
    return scopes


def _origins(text: str) -> tuple[str, ...]:
    """Read the origins of URLs."""
    origins = tuple(dict.fromkeys(origin_of(each) for each in text.replace(",", " ").split()))
    if len(origins) > _MAX_ORIGINS:
        raise ValueError(f"must be at most {_MAX_ORIGINS} origins, separated by spaces")
    return origins


def _paths(text: str) -> tuple[Path, ...]:
    if text.lstrip().startswith("["):
        raise ValueError("must be a string of files separated by commas, not a list")
    return tuple(Path(part.strip()) for part in text.split(",") if part.strip())


def _notifier_id(text: str) -> str:
    if text.isascii() and text.isprintable() and " " not in text and len(text) <= _MAX_NOTIFIER_ID:
        return text
    raise ValueError(f"must be a name of at most {_MAX_NOTIFIER_ID} printable characters of ASCII without spaces")


def _shard(text: str) -> Shard:
    index, _, count = text.partition("/")
    if _whole(index) and _whole(count) and int(index) < int(count):
        return Shard(int(index), int(count))
    raise ValueError(f"must be I/N with I from 0 to N-1, not {text[:50]!r}")


DATABASE_URL = Setting("database_url", str, "", secret=True)
KEY_FILE = Setting("key_file", str, "", secret=True)
LOG_LEVEL = Setting("log.level", one_of(LogLevel), LogLevel.INFO, own_flag="--log-level")
LOG_FORMAT = Setting("log.format", one_of(LogFormat), LogFormat.AUTO, own_flag="--log-format")
METRICS = Setting("metrics", _listen_or_not, "")
"""Where metrics are served; empty: nowhere."""
PROBE_LISTEN = Setting("probe_listen", _listen_or_not, "")
"""Where supervisors ask whether the process works; empty: nowhere."""
LISTEN = Setting("conductor.listen", _listen, "127.0.0.1:7601")
HEALTH_LISTEN = Setting("conductor.health_listen", _listen, "")
"""Empty: a free port on the host of `conductor.listen`; if that is a socket, its path with `.health` appended."""
CHANNELZ = Setting("conductor.channelz", _listen, "")
CONDUCTOR_CREDENTIALS = Setting("conductor.credentials", str, "")
REQUIRE_IDENTITY = Setting("conductor.require_identity", truth, default=False)
AUDIT_FILE = Setting("conductor.audit_file", str, "")
CONTACT_WITHIN = Setting("conductor.contact_within", positive_s, 10.0)
CONTACTS_PER_S = Setting("conductor.contacts_per_s", _number(1, 1_000_000), 2000)
REPLACEMENTS_PER_S = Setting("conductor.replacements_per_s", _number(0, 100_000), 200)
KEEP_EVENTS = Setting("conductor.keep_events", _number(0, 1_000_000_000), Retention().events)
KEEP_FOR = Setting("conductor.keep_for", positive_s, Retention().age_s)
KEEP_BYTES = Setting("conductor.keep_bytes", _kept_bytes, Retention().size_bytes)
ENGINE = Setting("engine", one_of((Engine.EMBEDDED, Engine.MISTRAL)), Engine.EMBEDDED)
MISTRAL_URL = Setting("mistral_url", str, "", secret=True)
MISTRAL_TIMEOUT = Setting("mistral_timeout", positive_s, 10.0)
API_LISTEN = Setting("api.listen", _listen, "127.0.0.1:7602")
API_PROJECT = Setting("api.project", _project, "default")
KEYSTONE_FILE: Setting[Path | None] = Setting("api.keystone_file", Path, None)
CONSOLE_LISTEN = Setting("console.listen", _listen, "127.0.0.1:7603")
OIDC_ISSUER = Setting("console.oidc_issuer", _issuer, "")
"""Signs people in who use the console; empty: they bring a token, or a certificate."""
OIDC_CLIENT_ID = Setting("console.oidc_client_id", _client_id, "")
OIDC_SCOPES: Setting[tuple[str, ...]] = Setting("console.oidc_scopes", _scopes, ("openid",))
OIDC_ORIGINS: Setting[tuple[str, ...]] = Setting("console.oidc_origins", _origins, ())
"""Origins that the console asks beside that of the issuer."""
STATUS_PAGES: Setting[Path | None] = Setting("console.status_pages", Path, None)
CONCURRENCY = Setting("api.concurrency", _number(1, 256), 8)
LEASE = Setting("api.lease", positive_s, 60.0)
ACTION_MODE = Setting("action.mode", str, "")
"""Listed here only as a known key: the ping actions in a Mistral executor read it themselves."""
SHARD = Setting("monitor.shard", _shard, Shard())
"""Ignored: monitors share the VIMs by themselves. It is a known key so that fleets that set it can be upgraded."""
CAPACITY = Setting("monitor.capacity", _number(1, MAX_CAPACITY), 1)
VANTAGE = Setting("monitor.vantage", vantage_name, DEFAULT_VANTAGE)
LOGIN_GAP = Setting("monitor.login_gap", _number(1, 3600), 2)
"""Seconds between two logins at one cloud."""
NOTIFIER_ID = Setting("notifier_id", _notifier_id, "")
"""Empty: a new one at each start."""
IMPORT_DATABASE_URL = Setting("import.database_url", str, "", secret=True)
IMPORT_FERNET_KEYS = Setting("import.fernet_keys", str, "")
IMPORT_CONCURRENCY = Setting("import.concurrency", _number(1, 256), 8)
TRANSPORT_URL: Setting[TransportUrl | None] = Setting("bridge.transport_url", transport_url, None, secret=True)
CONFIG_FILES: Setting[tuple[Path, ...]] = Setting("bridge.config_file", _paths, ())
"""Configuration files of OpenStack services."""
POLICIES = Setting("bridge.policy", parse_policies, REJECT_ALL)
BROKER_USERS = Setting("bridge.broker_user", parse_broker_users, BrokerUsers())
HOLD = Setting("bridge.hold", seconds, 5.0)
BRIDGE_CONCURRENCY = Setting("bridge.concurrency", _number(1, 65535), 1000)
STATE_DIR = Setting("bridge.state_dir", Path, Path(".vimesh/bridge"))
UP_PORT = Setting("up.port", _number(0, 65535), DEFAULT_PORT)
UP_LISTEN = Setting("up.listen", _ip, "127.0.0.1")
UP_CONDUCTORS = Setting("up.conductors", _number(1, 64), 2)
UP_METRICS_PORT: Setting[int | None] = Setting("up.metrics_port", _metrics_port, None)
"""None: the default port, or any free one if it is taken; `NO_METRICS`: none."""
UP_CHANNELZ = Setting("up.channelz", truth, default=False)
UP_SECURED = Setting("up.secured", truth, default=True)

ALL_SETTINGS: tuple[Setting[Any], ...] = (
    ADDRESS,
    CREDENTIALS,
    PROFILE,
    CALL_TIMEOUT,
    OUTPUT,
    DATABASE_URL,
    KEY_FILE,
    LOG_LEVEL,
    LOG_FORMAT,
    METRICS,
    PROBE_LISTEN,
    LISTEN,
    HEALTH_LISTEN,
    CHANNELZ,
    CONDUCTOR_CREDENTIALS,
    REQUIRE_IDENTITY,
    AUDIT_FILE,
    CONTACT_WITHIN,
    CONTACTS_PER_S,
    REPLACEMENTS_PER_S,
    KEEP_EVENTS,
    KEEP_FOR,
    KEEP_BYTES,
    QUOTA_VIMS,
    QUOTA_EVENT_BYTES,
    QUOTA_CHANGES_PER_S,
    QUOTA_FILE,
    ENGINE,
    MISTRAL_URL,
    MISTRAL_TIMEOUT,
    API_LISTEN,
    API_PROJECT,
    KEYSTONE_FILE,
    CONSOLE_LISTEN,
    OIDC_ISSUER,
    OIDC_CLIENT_ID,
    OIDC_SCOPES,
    OIDC_ORIGINS,
    STATUS_PAGES,
    CONCURRENCY,
    LEASE,
    ACTION_MODE,
    SHARD,
    CAPACITY,
    VANTAGE,
    LOGIN_GAP,
    MONITOR_HISTORY,
    HISTORY_SIZE,
    UP_HISTORY,
    REFERENCES,
    PROBE_ALLOW,
    PROBE_DENY,
    NOTIFIER_ID,
    TARGET_ALLOW,
    TARGET_DENY,
    IMPORT_DATABASE_URL,
    IMPORT_FERNET_KEYS,
    IMPORT_CONCURRENCY,
    TRANSPORT_URL,
    CONFIG_FILES,
    POLICIES,
    BROKER_USERS,
    HOLD,
    BRIDGE_CONCURRENCY,
    STATE_DIR,
    UP_PORT,
    UP_LISTEN,
    UP_DATA_DIR,
    UP_CONDUCTORS,
    UP_METRICS_PORT,
    UP_CHANNELZ,
    UP_SECURED,
)
OTHER_VARIABLES = (CONFIG_VARIABLE, "VIMESH_CERTS_DIR", "VIMESH_ENVOY", "VIMESH_ENVOY_SHA256")
"""Variables that are no settings of a file."""
KNOWN = tuple(setting.key for setting in ALL_SETTINGS)
VARIABLES = (*(setting.variable for setting in ALL_SETTINGS), *OTHER_VARIABLES)
SECRET_VARIABLES = frozenset(setting.variable for setting in ALL_SETTINGS if setting.secret)


def required_database_url(found: Sources, flag: str | None) -> str:
    """Return the database URL. Raises BadSetting, with what to type, if there is none."""
    if url := found.read(DATABASE_URL, flag):
        return url
    what = "is required, such as sqlite:///vimesh.sqlite; create its tables with: vimesh db upgrade"
    raise BadSetting(DATABASE_URL.flag, what)


def required_key_file(found: Sources, flag: str | None) -> Path:
    """Return the path of the key file. Raises BadSetting, with what to type, if there is none."""
    if path := optional_key_file(found, flag):
        return path
    raise BadSetting(KEY_FILE.flag, "is required; create one with: vimesh db make-key FILE")


def target_rules(found: Sources, *, allow: Sequence[str] | None, deny: Sequence[str] | None) -> TargetRules:
    return TargetRules(
        allow=found.read(PROBE_ALLOW, ",".join(allow) if allow else None),
        deny=found.read(PROBE_DENY, ",".join(deny) if deny else None),
    )


def notification_rules(found: Sources, *, allow: Sequence[str] | None, deny: Sequence[str] | None) -> TargetRules:
    return TargetRules(
        allow=found.read(TARGET_ALLOW, ",".join(allow) if allow else None),
        deny=found.read(TARGET_DENY, ",".join(deny) if deny else None),
        purpose=NOTIFICATIONS,
    )


def optional_key_file(found: Sources, flag: str | None) -> Path | None:
    """Return the path of the key file; None if the setting is empty. Raises BadSetting."""
    text = found.read(KEY_FILE, flag)
    return key_file_of(text, KEY_FILE.flag, os.environ) if text else None


@dataclass(frozen=True, slots=True)
class LogSettings:
    level: LogLevel
    format: LogFormat


def log_settings(found: Sources, *, level: str | None, format_: str | None) -> LogSettings:
    return LogSettings(found.read(LOG_LEVEL, level), found.read(LOG_FORMAT, format_))


def retention(found: Sources, *, keep_events: str | None, keep_for: str | None, keep_bytes: str | None) -> Retention:
    return Retention(
        found.read(KEEP_EVENTS, keep_events), found.read(KEEP_FOR, keep_for), found.read(KEEP_BYTES, keep_bytes)
    )
