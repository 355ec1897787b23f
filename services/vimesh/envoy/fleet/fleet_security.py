"""Reads the part of a fleet file that states how callers prove who they are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from vimesh.domain.access.caller import CallerRole
from vimesh.domain.access.secure_urls import secure_url
from vimesh.domain.errors import BadSetting
from vimesh.envoy.fleet.fleet_values import absolute_path, flag_of, list_of, mapping_of, required_text, texts_of
from vimesh.envoy.fleet.front_security import (
    GRANTED_BY_TOKENS,
    ROLES_OF_PARTS,
    FrontSecurity,
    TokenIssuer,
)

_SECTION: Final = "security"
_KEYS: Final = {"certificate", "trust", "trust_domains", "revocation_list", "issuers", "parts", "keystone"}
_ISSUER_KEYS: Final = {
    *("issuer", "audiences", "jwks_uri", "jwks_file", "ca"),
    *("roles_claim", "projects_claim", "roles"),
}
_MAX_ISSUERS: Final = 16
_TRUST_DOMAIN = re.compile(r"[a-z0-9._-]{1,255}", re.ASCII)
_PRINTABLE = re.compile(r"[ -~]{1,1024}", re.ASCII)


def security_in(value: object) -> FrontSecurity | None:
    """Read the section. Raises BadSetting."""
    if value is None:
        return None
    given = mapping_of(_SECTION, value, _KEYS)
    issuers = list_of(f"{_SECTION}.issuers", given.get("issuers") or [])
    if len(issuers) > _MAX_ISSUERS:
        raise BadSetting(f"{_SECTION}.issuers", f"must not be more than {_MAX_ISSUERS}")
    read = tuple(_issuer(f"{_SECTION}.issuers[{index}]", each) for index, each in enumerate(issuers))
    if len({each.issuer for each in read}) < len(read):
        raise BadSetting(f"{_SECTION}.issuers", "contains an issuer twice")
    return FrontSecurity(
        certificate=absolute_path(f"{_SECTION}.certificate", given.get("certificate")),
        trust=absolute_path(f"{_SECTION}.trust", given.get("trust")),
        trust_domains=_trust_domains(given.get("trust_domains", ["vimesh"])),
        revocation_list=flag_of(f"{_SECTION}.revocation_list", given.get("revocation_list", True)),
        issuers=read,
        parts=_parts(given.get("parts") or {}),
        keystone=flag_of(f"{_SECTION}.keystone", given.get("keystone", False)),
    )


def _trust_domains(value: object) -> tuple[str, ...]:
    setting = f"{_SECTION}.trust_domains"
    domains = texts_of(setting, value)
    if not domains:
        raise BadSetting(setting, "must name at least one")
    for index, domain in enumerate(domains):
        if not _TRUST_DOMAIN.fullmatch(domain):
            raise BadSetting(f"{setting}[{index}]", f"must be the name of a trust domain, not {domain[:100]!r}")
    return tuple(domains)


def _parts(value: object) -> Mapping[str, frozenset[CallerRole]]:
    setting = f"{_SECTION}.parts"
    given = mapping_of(setting, value, ROLES_OF_PARTS.keys())
    roles = {
        part: frozenset(_role(f"{setting}.{part}", each) for each in texts_of(f"{setting}.{part}", names))
        for part, names in given.items()
    }
    return {**ROLES_OF_PARTS, **roles}


def _role(setting: str, text: object) -> CallerRole:
    try:
        return CallerRole(str(text))
    except ValueError:
        raise BadSetting(setting, f"must be of {', '.join(CallerRole)}, not {str(text)[:100]!r}") from None


def _issuer(setting: str, value: object) -> TokenIssuer:
    given = mapping_of(setting, value, _ISSUER_KEYS)
    default = TokenIssuer("", ())
    audiences = [
        _printable(f"{setting}.audiences", each)
        for each in list_of(f"{setting}.audiences", given.get("audiences") or [])
    ]
    if not audiences:
        raise BadSetting(
            f"{setting}.audiences", "must name at least one: a token for another service is not for this one"
        )
    uri, file = given.get("jwks_uri"), given.get("jwks_file")
    if (uri is None) == (file is None):
        raise BadSetting(setting, "must have either jwks_uri or jwks_file")
    return TokenIssuer(
        issuer=_printable(f"{setting}.issuer", given.get("issuer")),
        audiences=tuple(audiences),
        jwks_uri=None if uri is None else _uri(f"{setting}.jwks_uri", uri),
        jwks_file=None if file is None else absolute_path(f"{setting}.jwks_file", file),
        ca=absolute_path(f"{setting}.ca", given.get("ca", str(default.ca))),
        roles_claim=_claim(f"{setting}.roles_claim", given.get("roles_claim", list(default.roles_claim))),
        projects_claim=_claim(f"{setting}.projects_claim", given.get("projects_claim", list(default.projects_claim))),
        grants=_grants(f"{setting}.roles", given["roles"]) if "roles" in given else default.grants,
    )


def _claim(setting: str, value: object) -> tuple[str, ...]:
    """Read the name of a claim, or its path if it is inside of others."""
    names = [value] if isinstance(value, str) else list_of(setting, value)
    if not names:
        raise BadSetting(setting, "must be the name of a claim, or a list of names that lead to it")
    return tuple(_printable(setting, name) for name in names)


def _grants(setting: str, value: object) -> Mapping[str, CallerRole]:
    if not isinstance(value, dict):
        raise BadSetting(setting, "must be a mapping from values of the claim to roles")
    grants = {_printable(setting, name): _role(f"{setting}.{name}", role) for name, role in value.items()}
    if not set(grants.values()) <= set(GRANTED_BY_TOKENS):
        raise BadSetting(setting, f"must not grant {CallerRole.DRIVER}, which is for api processes")
    return grants


def _uri(setting: str, value: object) -> str:
    text = required_text(setting, value)
    try:
        secure_url(text)
    except ValueError as error:
        raise BadSetting(setting, f"{error}: who forges keys forges tokens") from error
    return text


def _printable(setting: str, value: object) -> str:
    text = required_text(setting, value)
    if not _PRINTABLE.fullmatch(text):
        raise BadSetting(setting, "must be printable ASCII")
    return text
