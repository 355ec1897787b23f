"""Defines the columns of tables of VIMs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from google.protobuf.timestamp_pb2 import Timestamp

from vimesh.cli.base.durations import brief, exact
from vimesh.v1 import vim_pb2
from vimesh.wire.wire_durations import seconds

Cell = Callable[[vim_pb2.Vim], str]

SHORT: Final[Mapping[str, Cell]] = {
    "ID": lambda vim: vim.id,
    "NAME": lambda vim: vim.name,
    "TYPE": lambda vim: vim.type,
    "STATUS": lambda vim: status(vim.status),
    "REASON": lambda vim: vim.reason,
    "SINCE": lambda vim: since(vim.status_time),
    "AUTH_URL": lambda vim: vim.auth_url,
}

LONG: Final[Mapping[str, Cell]] = {
    **SHORT,
    "PROJECT": lambda vim: vim.project_id,
    "DEFAULT": lambda vim: "yes" if vim.is_default else "no",
    "PROBE": lambda vim: probe(vim.probe_policy),
    "ENGINE": lambda vim: name_of(vim_pb2.Monitor.Engine, vim.monitor.engine),
    "MONITOR": lambda vim: name_of(vim_pb2.Monitor.State, vim.monitor.state),
    "FLAPPING": lambda vim: "yes" if vim.flapping else "no",
    "DETAIL": lambda vim: vim.detail,
    "DESCRIPTION": lambda vim: vim.description,
}

LABELS: Final[Mapping[str, Cell]] = {
    "LABELS": lambda vim: ",".join(f"{key}={value}" for key, value in sorted(vim.labels.items())) or "<none>"
}

MAINTENANCE: Final[Mapping[str, Cell]] = {
    "MAINTENANCE": lambda vim: maintenance(vim.maintenance) if in_maintenance(vim) else ""
}
"""Shown only with VIMs of which one is in maintenance."""


def in_maintenance(vim: vim_pb2.Vim) -> bool:
    return vim.HasField("maintenance")


def maintenance(value: vim_pb2.Maintenance) -> str:
    """Format for how long it lasts, by the local clock, and why."""
    return f"{brief(seconds_of(value.end_time) - time.time())} left: {value.reason}"


def status(value: vim_pb2.Vim.Status.ValueType) -> str:
    return name_of(vim_pb2.Vim.Status, value)


def name_of(enumeration: Any, value: int) -> str:  # noqa: ANN401 - protobuf's wrappers share no class
    """Return the name of a value; its number if only a newer server knows it."""
    try:
        return str(enumeration.Name(value))
    except ValueError:
        return str(value)


def moment(time_: Timestamp) -> str:
    """Format a time as in JSON."""
    try:
        return time_.ToJsonString()
    except ValueError:
        return "time out of range"


def since(moment: Timestamp) -> str:
    """Format how long ago a time was, by the local clock: precise enough for a table."""
    return brief(time.time() - seconds_of(moment)) if moment.seconds else ""


def seconds_of(moment: Timestamp) -> float:
    return moment.seconds + moment.nanos / 1e9


def probe(policy: vim_pb2.ProbePolicy) -> str:
    method = name_of(vim_pb2.ProbePolicy.Method, policy.method).lower()
    every, within = exact(seconds(policy.interval)), exact(seconds(policy.timeout))
    fail_for_s = seconds(policy.fail_for)
    lasting = f", fail for {exact(fail_for_s)}" if fail_for_s else ""
    verified = ", tls verified" if policy.tls_verify else ""
    return f"{method} every {every}, timeout {within}, fall {policy.fall}, rise {policy.rise}{lasting}{verified}"
