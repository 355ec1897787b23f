"""Validates the attributes of a VIM as Tacker does: which ones may be sent, and which values are allowed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from vimesh.api.rest.errors.error_answers import bad_attribute, bad_request
from vimesh.domain.labels.labels_in_extra import split_labels
from vimesh.wire.json_text import exceeded_bound

Attributes = dict[str, Any]
_Reader = Callable[[str, object], object]

_MAX_NAME = 255
_VERIFY = {"True": "True", "False": "False", True: "True", False: "False"}


def _text(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    raise bad_attribute(name, f"{_shown(value)} is not a valid string")


def _some_text(name: str, value: object) -> str:
    if text := _text(name, value).strip():
        return text
    raise bad_attribute(name, "it must not be empty")


def _name(name: str, value: object) -> str:
    text = _some_text(name, value)
    if len(text) > _MAX_NAME:
        raise bad_attribute(name, f"it exceeds the maximum length of {_MAX_NAME}")
    return _text(name, value)


def _bounded(name: str, value: Attributes) -> Attributes:
    # Check this before building a message, which takes a hundred times as long as reading the text.
    if problem := exceeded_bound(value):
        raise bad_attribute(name, f"it {problem}")
    return value


def _filled(name: str, value: object) -> Attributes:
    if isinstance(value, dict) and value:
        return _bounded(name, value)
    raise bad_attribute(name, "it must be an object that is not empty")


def _credentials(name: str, value: object) -> Attributes:
    found = _filled(name, value)
    if "cert_verify" not in found:
        return found
    # Tacker uses a string here, but a boolean is just as clear.
    if (verify := found["cert_verify"]) not in ("True", "False", True, False):
        raise bad_attribute(f"{name}.cert_verify", f"it must be 'True' or 'False', not {_shown(verify)}")
    return {**found, "cert_verify": _VERIFY[verify]}


def _any(name: str, value: object) -> Attributes:
    if value is None:
        return {}
    if isinstance(value, dict):
        return _bounded(name, value)
    raise bad_attribute(name, "it must be an object")


def boolean(name: str, value: object) -> bool:
    """Read a boolean the way Tacker does. Raises RequestRefused."""
    match value:
        case bool():
            return value
        case 0 | 1:
            return bool(value)
        case str() if value.lower() in ("true", "1"):
            return True
        case str() if value.lower() in ("false", "0"):
            return False
    raise bad_attribute(name, f"{_shown(value)} cannot be converted to boolean")


def _shown(value: object) -> str:
    return f"'{str(value)[:100]}'" if isinstance(value, str | int | float | None) else f"a {type(value).__name__}"


_READERS: Final[dict[str, _Reader]] = {
    "tenant_id": _some_text,
    "type": _some_text,
    "auth_url": _some_text,
    "auth_cred": _credentials,
    "vim_project": _filled,
    "name": _name,
    "description": _text,
    "is_default": boolean,
    "extra": _any,
}
_REQUIRED: Final = ("type", "auth_url", "auth_cred", "vim_project", "name")
_SET_BY_US: Final = ("id", "status", "placement_attr", "shared", "created_at", "updated_at")
_SET_ONCE: Final = ("tenant_id", "type")


def read_registration(body: Mapping[str, Any]) -> Attributes:
    """Read the body of a POST. Raises RequestRefused."""
    given = _vim_in(body)
    for name in _SET_BY_US:
        if name in given:
            raise bad_request(f"Attribute '{name}' not allowed in POST")
    for name in _REQUIRED:
        if name not in given:
            raise bad_request(f"Failed to parse request. Required attribute '{name}' not specified")
    return _read(given)


def read_change(body: Mapping[str, Any]) -> Attributes:
    """Read the body of a PUT: attributes that it does not name stay unchanged. Raises RequestRefused."""
    given = _vim_in(body)
    for name in (*_SET_BY_US, *_SET_ONCE):
        if name in given:
            raise bad_request(f"Cannot update read-only attribute {name}")
    return _read(given)


def _vim_in(body: Mapping[str, Any]) -> Attributes:
    if "vims" in body:
        raise bad_request("Bulk operation not supported")
    given = body.get("vim")
    if not isinstance(given, dict):
        raise bad_request("Unable to find 'vim' in request body")
    if "project_id" in given:
        given = dict(given)
        # The newer name of `tenant_id`.
        project = given.pop("project_id")
        if given.setdefault("tenant_id", project) != project:
            raise bad_request("'tenant_id' and 'project_id' do not match")
    if unknown := [name for name in given if name not in _READERS and name not in _SET_BY_US]:
        raise bad_request(f"Unrecognized attribute(s) '{', '.join(unknown)[:200]}'")
    return given


def _read(given: Mapping[str, Any]) -> Attributes:
    """Read the attributes; those of `extra` that are labels become `labels`. Raises RequestRefused."""
    attributes: Attributes = {name: _READERS[name](name, value) for name, value in given.items()}
    if "extra" in attributes:
        labels, attributes["extra"] = split_labels(attributes["extra"])
        if labels is not None:
            attributes["labels"] = labels
    return attributes
