"""Takes the content of Tacker's VIM files the way python-tackerclient does, and forgives their habits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from vimesh.domain.errors import BadSetting
from vimesh.files.number_texts import NotText, written_text

_DOMAIN: Final = "domain_name"
"""What older files have for the domains of both user and project."""
KNOWN: Final = frozenset(
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
        _DOMAIN,
    }
)
_VERIFY: Final = {"true": "True", "yes": "True", "1": "True", "false": "False", "no": "False", "0": "False"}
"""How files write `cert_verify`, and how Tacker reads it."""


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


def parse(content: Mapping[Any, Any], where: str) -> TackerFileVim:
    """Read the content of a VIM file. Raises BadSetting that names the key, prefixed with `where`."""
    return _parse(_File(where, content))


def remarks(content: Mapping[Any, Any]) -> tuple[str, ...]:
    """Return what is to be told of the habits of a file."""
    said: list[str] = []
    if content.get(_DOMAIN) and content.get("type") != "kubernetes":
        said.append("domain_name is taken for user_domain_name and project_domain_name")
    if content.get("type") == "kubernetes" and "ssl_ca_cert" not in content:
        said.append("ssl_ca_cert is missing, and taken for None")
    return tuple(said)


@dataclass(frozen=True, slots=True)
class _File:
    where: str
    content: Mapping[Any, Any] = field(repr=False)

    def bad(self, key: str, description: str) -> BadSetting:
        return BadSetting(f"{self.where}: {key}", description)

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text value; a key without a default is required. Raises BadSetting."""
        try:
            value = written_text(self.content.get(key))
        except NotText as error:
            raise self.bad(key, f'{error}, as in {key}: "..."') from None
        if not value and default is None:
            raise self.bad(key, "is missing")
        return value or default or ""


def _parse(file: _File) -> TackerFileVim:
    type_ = file.text("type", "openstack")
    if type_ not in {"openstack", "kubernetes"}:
        raise file.bad("type", f"must be openstack or kubernetes, not {type_[:50]!r}")
    project = {"name": file.text("project_name")}
    if type_ == "openstack":
        project["project_domain_name"] = file.text("project_domain_name", file.text(_DOMAIN, ""))
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
    verify = _VERIFY.get(str(file.content.get("cert_verify", True)).lower())
    if verify is None:
        raise file.bad("cert_verify", f"must be True or False, not {str(file.content['cert_verify'])[:50]!r}")
    return {
        "username": file.text("username"),
        "password": file.text("password"),
        "user_domain_name": file.text("user_domain_name", file.text(_DOMAIN, "")),
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
    # Tacker writes the text None for "no certificate". Some files have null, or leave it out.
    return {**{key: file.text(key) for key in keys}, "ssl_ca_cert": file.text("ssl_ca_cert", "None")}
