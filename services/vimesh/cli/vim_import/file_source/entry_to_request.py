"""Turns an entry of a file into a registration. It may use the fields of the contract, Tacker's files and the flags."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Final

from vimesh.cli.input import free_form_fields, tacker_file, vim_fields
from vimesh.cli.input.field_names import ALIASES, FREE_FORM, KNOWN, LEFT_OUT, POLICY, TACKERS, TEXTS, unknown
from vimesh.cli.input.file_entries import FileEntry
from vimesh.cli.input.probe_policy import PolicyFlags
from vimesh.cli.vim_import.prepared_vim import PreparedVim, RequestChecker
from vimesh.domain.credential_masks import mask_secrets, require_no_mask, unmask
from vimesh.domain.errors import BadInput, BadSetting
from vimesh.domain.settings import BadFlag
from vimesh.domain.vims import Engine, Registration
from vimesh.v1.vim_pb2 import Vim
from vimesh.v1.vim_service_pb2 import RegisterVimRequest
from vimesh.wire.vim_messages import FREE_FORM_FIELDS

_NAMESPACE: Final = uuid.UUID("a9c5418d-f3cc-49bd-a004-59068893fe56")
_MAX_DIGITS: Final = 9
_BOOLEANS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class RejectedEntry(Exception):
    """Every conductor would refuse the entry. The message names the mistake and quotes nothing that may be secret."""


class EntryReader:
    def __init__(self) -> None:
        self._checker = RequestChecker(Engine.EMBEDDED)

    def prepare(self, entry: FileEntry) -> PreparedVim:
        """Check an entry and build its request, whose id depends only on its content. Raises RejectedEntry."""
        try:
            request = _request(entry.content)
            registration = self._checker.check(request)
            unmask(registration.auth_cred, {})
            for name in FREE_FORM_FIELDS:
                require_no_mask(getattr(registration, name), f"vim.{name}")
        except BadFlag as error:
            field_name = error.flag.removeprefix("--").replace("-", "_")
            raise RejectedEntry(f"{field_name}: {error.description}") from None
        except (BadInput, BadSetting) as error:
            raise RejectedEntry(str(error)) from None
        except (ValueError, RecursionError):
            # A text may hold lone surrogates, which a message cannot.
            raise RejectedEntry("holds text that cannot be sent") from None
        request.vim.auth_url = registration.auth_url
        request.request_id = _request_id(request, registration)
        return PreparedVim(request, registration)


def _request_id(request: RegisterVimRequest, registration: Registration) -> str:
    """Derive an id from the content without secrets: conductors store it, and it must not reveal passwords."""
    content = RegisterVimRequest()
    content.CopyFrom(request)
    content.vim.ClearField("auth_cred")
    for name in FREE_FORM_FIELDS:
        value = getattr(registration, name)
        if name != "auth_cred" and (shown := mask_secrets(value)) != value:
            content.vim.ClearField(name)  # type: ignore[arg-type]  # one of its fields
            free_form_fields.fill(getattr(content.vim, name), shown)
    return str(uuid.uuid5(_NAMESPACE, content.SerializeToString(deterministic=True).hex()))


def _request(content: Mapping[object, object]) -> RegisterVimRequest:
    """Build the request from the fields. Raises RejectedEntry, BadFlag, BadSetting."""
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
    vim.labels.update(_labels(given.get("labels", {})))
    _policy(given).apply(vim.probe_policy)
    return RegisterVimRequest(
        vim=vim,
        vim_id=_text("id", given.get("id", "")),
        engine=vim_fields.engine(_text("engine", given["engine"]) if "engine" in given else None),
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


def _policy(given: Mapping[str, object]) -> PolicyFlags:
    inner = given.get("probe_policy", {})
    if not isinstance(inner, Mapping):
        raise RejectedEntry("probe_policy must be a mapping")
    for key in inner:
        if key not in POLICY:
            raise RejectedEntry(f"probe_policy.{str(key)[:50]} {unknown(key, POLICY)}")
        if key in given:
            raise RejectedEntry(f"{key} and probe_policy.{key} are the same field")
    said = {**{name: given[name] for name in POLICY if name in given}, **inner}
    said = {name: value for name, value in said.items() if value is not None}
    return PolicyFlags(
        method=_text("method", said["method"]) if "method" in said else None,
        interval=_duration("interval", said["interval"]) if "interval" in said else None,
        timeout=_duration("timeout", said["timeout"]) if "timeout" in said else None,
        fall=_number("fall", said["fall"]) if "fall" in said else None,
        rise=_number("rise", said["rise"]) if "rise" in said else None,
        tls_verify=_boolean("tls_verify", said["tls_verify"]) if "tls_verify" in said else None,
        fail_for=_duration("fail_for", said["fail_for"]) if "fail_for" in said else None,
    )


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
