"""What a table says about a VIM."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from vimesh.cli.durations import brief, exact
from vimesh.rpc.durations import seconds
from vimesh.v1 import vim_pb2

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
    "ENGINE": lambda vim: vim_pb2.Monitor.Engine.Name(vim.monitor.engine),
    "MONITOR": lambda vim: vim_pb2.Monitor.State.Name(vim.monitor.state),
    "DETAIL": lambda vim: vim.detail,
    "DESCRIPTION": lambda vim: vim.description,
}


def status(value: vim_pb2.Vim.Status.ValueType) -> str:
    return vim_pb2.Vim.Status.Name(value)


def since(moment: Timestamp) -> str:
    """Say how long ago it was, by the clock here: close enough for eyes."""
    return brief(time.time() - seconds_of(moment)) if moment.seconds else ""


def seconds_of(moment: Timestamp) -> float:
    return moment.seconds + moment.nanos / 1e9


def probe(policy: vim_pb2.ProbePolicy) -> str:
    method = vim_pb2.ProbePolicy.Method.Name(policy.method).lower()
    every, within = exact(seconds(policy.interval)), exact(seconds(policy.timeout))
    fail_for_s = seconds(policy.fail_for)
    lasting = f", fail for {exact(fail_for_s)}" if fail_for_s else ""
    verified = ", tls verified" if policy.tls_verify else ""
    return f"{method} every {every}, timeout {within}, fall {policy.fall}, rise {policy.rise}{lasting}{verified}"
