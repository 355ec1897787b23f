"""Defines the columns of tables of VIMs."""

from __future__ import annotations

import time
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from vimesh.cli.base.durations import brief, exact
from vimesh.cli.output.table_columns import ResourceTable, TableColumn, Visibility
from vimesh.client.enum_names import name_of, status_name
from vimesh.domain.conditions.conditions import REACHABLE
from vimesh.v1 import vim_pb2
from vimesh.v1.condition_pb2 import Condition
from vimesh.wire.wire_durations import seconds


def in_maintenance(vim: vim_pb2.Vim) -> bool:
    return vim.HasField("maintenance")


def maintenance(value: vim_pb2.Maintenance) -> str:
    """Format for how long it lasts, by the local clock, and why."""
    return f"{brief(seconds_of(value.end_time) - time.time())} left: {value.reason}"


def cause(vim: vim_pb2.Vim) -> str:
    """Format what the VIM has in common with others that were lost with it; empty if there is nothing."""
    if not vim.HasField("cause"):
        return ""
    return f"{name_of(vim_pb2.VimCause.Kind, vim.cause.kind)} {vim.cause.subject}"


def labels(vim: vim_pb2.Vim) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(vim.labels.items())) or "<none>"


def status(value: vim_pb2.Vim.Status.ValueType) -> str:
    return status_name(value)


def moment(time_: Timestamp) -> str:
    """Format a time as in JSON."""
    try:
        return time_.ToJsonString()
    except ValueError:
        return "time out of range"


def exact_moment(time_: Timestamp) -> str:
    """Format a time for programs; empty if there is none."""
    return moment(time_) if time_.seconds else ""


def since(moment: Timestamp, now: float | None = None) -> str:
    """Format how long ago a time was, by the local clock: precise enough for a table. `now`: seconds since 1970."""
    now = time.time() if now is None else now
    return brief(now - seconds_of(moment)) if moment.seconds else ""


def seconds_of(moment: Timestamp) -> float:
    return moment.seconds + moment.nanos / 1e9


def probe(policy: vim_pb2.ProbePolicy) -> str:
    method = name_of(vim_pb2.ProbePolicy.Method, policy.method).lower()
    every, within = exact(seconds(policy.interval)), exact(seconds(policy.timeout))
    fail_for_s = seconds(policy.fail_for)
    lasting = f", fail for {exact(fail_for_s)}" if fail_for_s else ""
    verified = ", tls verified" if policy.tls_verify else ""
    places = f", from {', '.join(policy.vantages)}" if policy.vantages else ""
    quorum = f", quorum {policy.quorum}" if policy.quorum else ""
    how = f"{method} every {every}, timeout {within}, fall {policy.fall}, rise {policy.rise}{lasting}{verified}"
    depth = f", depth {name_of(vim_pb2.ProbePolicy.Depth, policy.depth).lower()}" if policy.depth else ""
    logins = f" every {exact(seconds(policy.login_interval))}" if policy.depth == vim_pb2.ProbePolicy.LOGIN else ""
    return f"{how}{places}{quorum}{depth}{logins}"


def failing_conditions(vim: vim_pb2.Vim) -> str:
    """Format the conditions that do not hold, or `ok`; empty if none is known. The status has a column of its own."""
    others = [one for one in vim.conditions if one.type != REACHABLE]
    failing = [f"{one.type}={one.reason or 'FALSE'}" for one in others if one.status == Condition.FALSE]
    if failing or not any(one.status == Condition.TRUE for one in others):
        return ",".join(failing)
    return "ok"


def certificate_end(vim: vim_pb2.Vim) -> str:
    """Format for how long the certificate is valid, by the local clock; empty if there is none."""
    if not vim.HasField("certificate"):
        return ""
    left_s = seconds_of(vim.certificate.not_after) - time.time()
    return brief(left_s) if left_s > 0 else "ended"


def yes_or_no(value: bool) -> str:
    return "yes" if value else "no"


SINCE: Final = "SINCE"
"""Title of the column that says for how long a VIM has had its status."""
VIMS: Final = ResourceTable[vim_pb2.Vim](
    columns=(
        TableColumn("ID", lambda vim: vim.id),
        TableColumn("NAME", lambda vim: vim.name),
        TableColumn("TYPE", lambda vim: vim.type),
        TableColumn("STATUS", lambda vim: status(vim.status)),
        TableColumn("REASON", lambda vim: vim.reason),
        TableColumn(SINCE, lambda vim: since(vim.status_time), value=lambda vim: exact_moment(vim.status_time)),
        TableColumn("AUTH_URL", lambda vim: vim.auth_url),
        TableColumn("PROJECT", lambda vim: vim.project_id, Visibility.WIDE),
        TableColumn("DEFAULT", lambda vim: yes_or_no(vim.is_default), Visibility.WIDE),
        TableColumn("PROBE", lambda vim: probe(vim.probe_policy), Visibility.WIDE),
        TableColumn("ENGINE", lambda vim: name_of(vim_pb2.Monitor.Engine, vim.monitor.engine), Visibility.WIDE),
        TableColumn("MONITOR", lambda vim: name_of(vim_pb2.Monitor.State, vim.monitor.state), Visibility.WIDE),
        TableColumn("FLAPPING", lambda vim: yes_or_no(vim.flapping), Visibility.WIDE),
        TableColumn("CAUSE", cause, Visibility.WIDE),
        TableColumn("DETAIL", lambda vim: vim.detail, Visibility.WIDE),
        TableColumn("DESCRIPTION", lambda vim: vim.description, Visibility.WIDE),
        TableColumn(
            "MAINTENANCE", lambda vim: maintenance(vim.maintenance) if in_maintenance(vim) else "", Visibility.IF_ANY
        ),
        TableColumn("CONDITIONS", failing_conditions, Visibility.NAMED),
        TableColumn(
            "CERTIFICATE_ENDS",
            certificate_end,
            Visibility.NAMED,
            value=lambda vim: exact_moment(vim.certificate.not_after),
        ),
        TableColumn("LABELS", labels, Visibility.NAMED),
    ),
    name=lambda vim: vim.name,
)
