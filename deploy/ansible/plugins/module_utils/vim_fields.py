"""Reads the fields of a VIM from the options of a task."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from .fleet import Refused

with suppress(ImportError):  # `fleet.run` says so before anything of this is called
    from google.protobuf.duration_pb2 import Duration
    from google.protobuf.json_format import MessageToDict

    from vimesh.client import Vim, masked, struct
    from vimesh.v1.vim_pb2 import Monitor, ProbePolicy
    from vimesh.v1.vim_service_pb2 import VimToApply

POLICY_FIELDS: dict[str, Any] = {
    "method": {"type": "str", "choices": ["http", "tcp", "ping"]},
    "interval": {"type": "str"},
    "timeout": {"type": "str"},
    "fall": {"type": "int"},
    "rise": {"type": "int"},
    "tls_verify": {"type": "bool"},
    "fail_for": {"type": "str"},
}
# Ansible shows the options of a task, and takes what is `no_log` out of all that it shows. Which values of these fields
# are no secrets is known once they are read: see `secrets_in`.
FREE_FORM = ("auth_cred", "vim_project", "placement_attr", "extra")
VIM_FIELDS: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "project": {"type": "str"},
    "type": {"type": "str", "choices": ["openstack", "kubernetes"]},
    "auth_url": {"type": "str", "no_log": True},
    **{name: {"type": "dict", "no_log": True} for name in FREE_FORM},
    "description": {"type": "str"},
    "is_default": {"type": "bool"},
    "labels": {"type": "dict"},
    "engine": {"type": "str", "choices": ["embedded", "mistral", "external"]},
    "probe_policy": {"type": "dict", "options": POLICY_FIELDS},
}

_PLAIN = ("type", "auth_url", "description", "is_default")
_DURATIONS = ("interval", "timeout", "fail_for")
_UNITS_S = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*(ms|s|m|h|)", re.ASCII)
_MASK = "***"


def read_vim(fields: Mapping[str, Any], project: str | None = None) -> VimToApply:
    """Return the VIM that a task describes, with the fields that it names. Raises Refused.

    `project`: that of a VIM for which the fields name none; None: it is left open.
    """
    vim = Vim(name=fields["name"], project_id=fields["project"] or project or "")
    named = [name for name in (*_PLAIN, *FREE_FORM) if fields[name] is not None]
    try:
        for name in named:
            if name in FREE_FORM:
                getattr(vim, name).CopyFrom(struct(fields[name]))
            else:
                setattr(vim, name, fields[name])
        for key, value in (fields["labels"] or {}).items():
            vim.labels[key] = _label(key, value)
            named.append(f"labels.{key}")
        for name, value in (fields["probe_policy"] or {}).items():
            if value is not None:
                _fill(vim.probe_policy, name, value)
                named.append(f"probe_policy.{name}")
    except Refused as error:
        raise Refused(f"VIM {fields['name']}: {error}", reason="BAD_INPUT") from None
    except (ValueError, TypeError):
        # Without the cause, which may quote a secret.
        raise Refused(
            f"VIM {fields['name']}: holds values that a message cannot have, such as NaN", reason="BAD_INPUT"
        ) from None
    entry = VimToApply(vim=vim)
    entry.update_mask.paths.extend(sorted(named))
    if fields["engine"] is not None:
        entry.engine = Monitor.Engine.Value(fields["engine"].upper())
    return entry


def read_absent_vim(fields: Mapping[str, Any]) -> VimToApply:
    """Return the VIM that should not exist."""
    return VimToApply(vim=Vim(name=fields["name"], project_id=fields["project"] or ""), absent=True)


def _label(key: str, value: object) -> str:
    if isinstance(value, str):
        return value
    # A template makes a number of what looks like one.
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise Refused(f'labels.{key} must be a text: write it in quotes, as in {key}: "..."')


def _fill(policy: ProbePolicy, name: str, value: Any) -> None:  # noqa: ANN401 - as options are
    """Raises Refused, and ValueError for a number that is out of all bounds."""
    if name in _DURATIONS:
        getattr(policy, name).CopyFrom(_duration(name, value))
    elif name == "method":
        policy.method = ProbePolicy.Method.Value(value.upper())
    elif name in ("fall", "rise") and not 1 <= value <= 10:
        # On the wire, 0 means the default.
        raise Refused(f"probe_policy.{name} must be from 1 to 10, not {value}")
    else:
        setattr(policy, name, value)


def _duration(name: str, text: str) -> Duration:
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise Refused(f"probe_policy.{name} must be a duration such as 500ms, 10s or 2m, not {text[:50]!r}")
    nanos = round(float(match[1]) * _UNITS_S[match[2]] * 1e9)
    return Duration(seconds=nanos // 10**9, nanos=nanos % 10**9)


def secrets_in(fields: Mapping[str, Any], entry: VimToApply) -> Iterator[str]:
    """Yield the texts in the options that must not be shown: what the fleet would mask."""
    shown = MessageToDict(masked(entry.vim), preserving_proto_field_name=True)
    for name in ("auth_url", *FREE_FORM):
        if fields[name] is not None:
            yield from _hidden(fields[name], shown.get(name, {}))


def _hidden(value: object, shown: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _hidden(inner, shown.get(key) if isinstance(shown, Mapping) else None)
    elif value == shown or value is None or isinstance(value, bool):
        return
    elif isinstance(value, list):
        for inner in value:
            yield from _hidden(inner, None)
    elif (text := str(value)) not in {"", _MASK}:
        yield text
