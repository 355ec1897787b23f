"""Reads Tacker's VIM files (`--config-file`) the way python-tackerclient does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vimesh.domain.errors import BadSetting
from vimesh.files.file_errors import BadFile
from vimesh.files.file_limits import MAX_DOCUMENT_BYTES
from vimesh.files.read_files import read_text
from vimesh.files.yaml_values import read_yaml

KNOWN = frozenset(
    {
        "auth_url",
        "type",
        "username",
        "password",
        "project_name",
        "project_domain_name",
        "user_domain_name",
        "cert_verify",
        "bearer_token",
        "ssl_ca_cert",
        "oidc_token_url",
        "client_id",
        "client_secret",
        "extra",
    }
)


@dataclass(frozen=True, slots=True)
class TackerFileVim:
    type: str
    auth_url: str
    """Empty if the file has none: it may be given by a flag."""
    vim_project: Mapping[str, str]
    auth_cred: Mapping[str, str] = field(repr=False)
    extra: Mapping[str, Any] | None = None
    unknown: tuple[str, ...] = ()
    """Keys that are not recognized."""


def read(path: Path) -> TackerFileVim:
    """Read a VIM file. Raises BadSetting that names the file and the key."""
    try:
        document = read_yaml(read_text(path, MAX_DOCUMENT_BYTES))
    except OSError as error:
        raise BadSetting(str(path), f"cannot be read: {error.strerror}") from error
    except BadFile as error:
        raise BadSetting(str(path), str(error)) from None
    if not isinstance(document, dict):
        raise BadSetting(str(path), "must have keys such as auth_url, username and project_name")
    return parse(document, str(path))


def parse(content: Mapping[Any, Any], where: str) -> TackerFileVim:
    """Read the content of a VIM file. Raises BadSetting that names the key, prefixed with `where`."""
    return _parse(_File(where, content))


@dataclass(frozen=True, slots=True)
class _File:
    where: str
    content: Mapping[Any, Any] = field(repr=False)

    def bad(self, key: str, description: str) -> BadSetting:
        return BadSetting(f"{self.where}: {key}", description)

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text value; a key without a default is required. Raises BadSetting."""
        value = self.content.get(key, default)
        if value is None or value == "":
            if default is None:
                raise self.bad(key, "is missing")
            return default
        if not isinstance(value, str):
            raise self.bad(key, f'must be a string: write it in quotes, as in {key}: "..."')
        return value


def _parse(file: _File) -> TackerFileVim:
    type_ = file.text("type", "openstack")
    if type_ not in {"openstack", "kubernetes"}:
        raise file.bad("type", f"must be openstack or kubernetes, not {type_[:50]!r}")
    project = {"name": file.text("project_name")}
    if type_ == "openstack":
        project["project_domain_name"] = file.text("project_domain_name", "")
    extra = file.content.get("extra")
    if extra is not None and not isinstance(extra, dict):
        raise file.bad("extra", "must be a mapping")
    return TackerFileVim(
        type=type_,
        auth_url=file.text("auth_url", ""),
        vim_project=project,
        auth_cred=_openstack(file) if type_ == "openstack" else _kubernetes(file),
        extra=extra,
        unknown=tuple(sorted(str(key) for key in file.content if key not in KNOWN)),
    )


def _openstack(file: _File) -> dict[str, str]:
    verify = str(file.content.get("cert_verify", "True"))  # accepts a YAML boolean as well as Tacker's text
    if verify not in {"True", "False"}:
        raise file.bad("cert_verify", f"must be 'True' or 'False', not {verify[:50]!r}")
    return {
        "username": file.text("username"),
        "password": file.text("password"),
        "user_domain_name": file.text("user_domain_name", ""),
        "cert_verify": verify,
    }


def _kubernetes(file: _File) -> dict[str, str]:
    if "oidc_token_url" in file.content:
        keys = ["oidc_token_url", "username", "password", "client_id"]
        # A public client has no secret.
        keys += ["client_secret"] if "client_secret" in file.content else []
    elif "username" in file.content or "password" in file.content:
        keys = ["username", "password"]
    elif "bearer_token" in file.content:
        keys = ["bearer_token"]
    else:
        raise file.bad("bearer_token", "is missing, and so are username and password: give one or the other")
    # Tacker writes the text None for "no certificate"; YAML's null is accepted, too.
    if "ssl_ca_cert" not in file.content:
        raise file.bad("ssl_ca_cert", "is missing: give the CA's certificate in PEM, or None")
    return {**{key: file.text(key) for key in keys}, "ssl_ca_cert": file.text("ssl_ca_cert", "None")}
