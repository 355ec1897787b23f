"""Reads the fields of a VIM in a file: those of the contract, of Tacker's files and of the flags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from vimesh.cli.input import free_form_fields, tacker_file, vim_fields
from vimesh.cli.input.field_names import ALIASES, FREE_FORM, KNOWN, LEFT_OUT, POLICY, TACKERS, TEXTS, unknown
from vimesh.cli.input.probe_policy import PolicyFlags
from vimesh.v1.vim_pb2 import Monitor, Vim

_MAX_DIGITS: Final = 9
_BOOLEANS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class RejectedEntry(Exception):
    """Every conductor would refuse the entry. The message names the mistake and quotes nothing that may be secret."""


@dataclass(frozen=True, slots=True)
class VimEntry:
    """A VIM as a file describes it."""

    vim: Vim
    vim_id: str
    engine: Monitor.Engine.ValueType
    fields: frozenset[str]
    """The paths of the fields that it names, but for the project and the name, which say which VIM it is. One that does
    not name its type is of OpenStack."""


def read_vim_entry(content: Mapping[object, object]) -> VimEntry:
    """Read the fields. Raises RejectedEntry, BadFlag, BadSetting, and ValueError for text that cannot be sent."""
    given = _named(content)
    vim = Vim(type="openstack")
    for name in TEXTS:
        if name in given:
            setattr(vim, name, _text(name, given[name]))
    if said := TACKERS & given.keys():
        _fill_from_tackers(vim, given, min(said))
    for name in FREE_FORM:
        if name in given:
            _fill(vim, name, given[name])
    if "is_default" in given:
        vim.is_default = _boolean("is_default", given["is_default"])
    labels, policy = _labels(given.get("labels", {})), _policy_values(given)
    vim.labels.update(labels)
    _policy(policy).apply(vim.probe_policy)
    plain = {name for name in ("description", "auth_url", *FREE_FORM, "is_default") if name in given}
    tackers = {"auth_cred", "vim_project"} if TACKERS & given.keys() else set[str]()
    return VimEntry(
        vim=vim,
        vim_id=_text("id", given.get("id", "")),
        engine=vim_fields.engine(_text("engine", given["engine"]) if "engine" in given else None),
        fields=frozenset(
            {"type"}
            | plain
            | tackers
            | {f"labels.{key}" for key in labels}
            | {f"probe_policy.{name}" for name in policy}
        ),
    )


def _named(content: Mapping[object, object]) -> dict[str, object]:
    """Return the fields that have a value, by the names of the contract. Raises RejectedEntry."""
    named: dict[str, object] = {}
    for key, value in content.items():
        if not isinstance(key, str) or key not in KNOWN:
            raise RejectedEntry(f"{str(key)[:50]!r} {unknown(key)}")
        name = ALIASES.get(key, key)
        if name in named:
            raise RejectedEntry(f"{name} and {key} are the same field")
        if value is not None and name not in LEFT_OUT:
            named[name] = value
    return named


def _fill_from_tackers(vim: Vim, given: Mapping[str, object], key: str) -> None:
    """Set the fields that are written as in Tacker's files. Raises RejectedEntry, BadSetting."""
    for name in ("auth_cred", "vim_project"):
        if name in given:
            raise RejectedEntry(f"{name} and Tacker's {key} are mutually exclusive")
    said = tacker_file.parse({name: value for name, value in given.items() if name in tacker_file.KNOWN}, "")
    vim.vim_project.update(said.vim_project)
    vim.auth_cred.update(said.auth_cred)


def _fill(vim: Vim, name: str, value: object) -> None:
    if not isinstance(value, Mapping):
        raise RejectedEntry(f"{name} must be a mapping")
    try:
        free_form_fields.fill(getattr(vim, name), value)
    except free_form_fields.NotJson as error:
        raise RejectedEntry(f"{name} {error}") from None


def _labels(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise RejectedEntry("labels must be a mapping")
    if not all(isinstance(key, str) for key in value):
        raise RejectedEntry("labels has a key that is not a string: write it in quotes")
    return {key: _text(f"labels.{key[:50]}", text) for key, text in value.items()}


def _policy_values(given: Mapping[str, object]) -> Mapping[str, object]:
    """Return the fields of the policy that have a value. Raises RejectedEntry."""
    inner = given.get("probe_policy", {})
    if not isinstance(inner, Mapping):
        raise RejectedEntry("probe_policy must be a mapping")
    for key in inner:
        if key not in POLICY:
            raise RejectedEntry(f"probe_policy.{str(key)[:50]} {unknown(key, POLICY)}")
        if key in given:
            raise RejectedEntry(f"{key} and probe_policy.{key} are the same field")
    said = {**{name: given[name] for name in POLICY if name in given}, **inner}
    return {name: value for name, value in said.items() if value is not None}


def _policy(said: Mapping[str, object]) -> PolicyFlags:
    return PolicyFlags(
        method=_text("method", said["method"]) if "method" in said else None,
        interval=_duration("interval", said["interval"]) if "interval" in said else None,
        timeout=_duration("timeout", said["timeout"]) if "timeout" in said else None,
        fall=_number("fall", said["fall"]) if "fall" in said else None,
        rise=_number("rise", said["rise"]) if "rise" in said else None,
        tls_verify=_boolean("tls_verify", said["tls_verify"]) if "tls_verify" in said else None,
        fail_for=_duration("fail_for", said["fail_for"]) if "fail_for" in said else None,
        vantages=_names("vantages", said["vantages"]) if "vantages" in said else None,
        quorum=_number("quorum", said["quorum"]) if "quorum" in said else None,
        depth=_depth(_text("depth", said["depth"])) if "depth" in said else None,
        login_interval=_duration("login_interval", said["login_interval"]) if "login_interval" in said else None,
    )


def _names(name: str, value: object) -> list[str]:
    """Read a list, or, as in a cell of a table, names with commas between them."""
    values = value.split(",") if isinstance(value, str) else value
    if not isinstance(values, list):
        raise RejectedEntry(f"{name} must be a list")
    return [_text(name, one).strip() for one in values]


def _text(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    raise RejectedEntry(f'{name} must be a string: write it in quotes, as in {name}: "..."')


def _duration(name: str, value: object) -> str:
    # A bare number means seconds.
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else _text(name, value)


def _number(name: str, value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS:
        return int(value)
    raise RejectedEntry(f"{name} must be a whole number")


def _boolean(name: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _BOOLEANS:
        return _BOOLEANS[value.lower()]
    raise RejectedEntry(f"{name} must be true or false")


def _depth(text: str) -> str | None:
    """Return the depth that a document of a VIM says; None: what the method gives, which documents show like this."""
    return None if text == "DEPTH_UNSPECIFIED" else text
