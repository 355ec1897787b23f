"""Works out what openstacksdk would use of a cloud: its profile, secure.yaml, regions, and older names of keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from vimesh.files.file_errors import BadFile
from vimesh.files.number_texts import NotText, written_text

_AUTH: Final[Mapping[str, Sequence[str]]] = {
    "auth_url": ("auth_url",),
    "username": ("user_name", "username"),
    "user_id": ("user_id",),
    "password": ("password",),
    "passcode": ("passcode",),
    "token": ("auth_token", "token"),
    "project_id": ("tenant_id", "project_id"),
    "project_name": ("tenant_name", "project_name"),
    "domain_id": ("domain_id",),
    "domain_name": ("domain_name",),
    "user_domain_id": ("user_domain_id",),
    "user_domain_name": ("user_domain_name",),
    "project_domain_id": ("project_domain_id",),
    "project_domain_name": ("project_domain_name",),
    "default_domain_id": ("default_domain_id",),
    "default_domain_name": ("default_domain_name",),
    "application_credential_id": ("application_credential_id",),
    "application_credential_name": ("application_credential_name",),
    "application_credential_secret": ("application_credential_secret",),
    "system_scope": ("system_scope",),
    "trust_id": ("trust_id",),
}
"""The keys of `auth`, and how else they may be called, within it and beside it. The last one wins."""
_DOMAINS: Final = {
    "domain_id": ("user_domain_id", "project_domain_id"),
    "domain_name": ("user_domain_name", "project_domain_name"),
}
_PROFILE: Final = ("profile", "cloud")
_REGIONS: Final = ("regions", "region_name")
_TLS: Final = ("verify", "insecure", "cacert", "cert", "key")
_TYPE: Final = ("auth_plugin", "auth_type")
ACCESS_KEYS: Final = frozenset({"auth_url", "project_id", "project_name", "tenant_id", "tenant_name", *_REGIONS})
"""Keys of a cloud that say where it is, and what of it is meant."""
LOGIN_KEYS: Final = frozenset({*(each for names in _AUTH.values() for each in names), *_TLS, *_TYPE})
"""Keys of a cloud that say how to log in."""
_TRUE: Final = frozenset({"true", "yes", "on", "1"})
_FALSE: Final = frozenset({"false", "no", "off", "0", ""})


@dataclass(frozen=True, slots=True)
class CloudConfig:
    """What is used of a cloud in one or several of its regions."""

    regions: tuple[str, ...]
    auth_type: str
    auth: Mapping[str, str] = field(repr=False)
    verify: bool = True
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    left_out: tuple[str, ...] = ()
    """Keys of the cloud that say nothing of how to log in, such as `interface`."""


def layered(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Lay settings over each other, those of `auth` one by one, as openstacksdk does. Later ones win."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            name = str(key).replace("-", "_")
            below = merged.get(name)
            is_group = name == "auth" and isinstance(below, Mapping) and isinstance(value, Mapping)
            merged[name] = {**below, **value} if is_group else value  # type: ignore[dict-item]  # a mapping
    return merged


def with_secrets(cloud: object, secrets: object) -> dict[str, Any]:
    """Lay a cloud of a secure.yaml over that of a clouds.yaml, mappings key by key. Raises BadFile."""
    if not isinstance(cloud, Mapping) or not isinstance(secrets, Mapping):
        raise BadFile("must be a mapping")
    merged = dict(cloud)
    for key, value in secrets.items():
        below = merged.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        merged[key] = with_secrets(below, value) if both else value
    return merged


def profile_of(cloud: Mapping[str, Any]) -> str:
    """Return the name of the profile that a cloud builds on; empty if none."""
    return next((str(cloud[key]) for key in _PROFILE if cloud.get(key)), "")


def configs(own: Mapping[str, Any], profile: Mapping[str, Any] | None = None) -> list[CloudConfig]:
    """Return what is used of a cloud: one for all regions that log in alike. Raises BadFile.

    `own`: what the cloud itself says. The regions of its profile only count if it names none.
    """
    found: dict[tuple[object, ...], CloudConfig] = {}
    cloud = layered(profile or {}, own)
    for name, values in _regions(layered(own)) or _regions(cloud) or [("", {})]:
        one = _config(layered(cloud, values, {"region_name": name}), name)
        same = (one.auth_type, tuple(sorted(one.auth.items())), one.verify, one.ca_file, one.cert_file, one.key_file)
        before = found.get(same)
        regions = (*(before.regions if before else ()), *one.regions)
        found[same] = CloudConfig(
            regions,
            one.auth_type,
            one.auth,
            one.verify,
            one.ca_file,
            one.cert_file,
            one.key_file,
            tuple(dict.fromkeys((*(before.left_out if before else ()), *one.left_out))),
        )
    return list(found.values())


def _regions(cloud: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    given: object = next((cloud[key] for key in _REGIONS if cloud.get(key)), [])
    regions = given.split(",") if isinstance(given, str) else given if isinstance(given, list) else [given]
    return [_region(each) for each in regions]


def _region(region: object) -> tuple[str, Mapping[str, Any]]:
    if not isinstance(region, Mapping):
        return _text(region, "regions").strip(), {}
    name, values = region.get("name"), region.get("values") or {}
    if name is None or not isinstance(values, Mapping):
        raise BadFile("regions must be names, or mappings with a name and values")
    return _text(name, "regions"), values


def _config(cloud: Mapping[str, Any], region: str) -> CloudConfig:
    given = cloud.get("auth") or {}
    if not isinstance(given, Mapping):
        raise BadFile("auth must be a mapping")
    inner = {str(key).replace("-", "_"): value for key, value in given.items()}
    auth: dict[str, str] = {}
    for name, names in _AUTH.items():
        for each in names:
            # Values beside `auth` are newer: they come from the environment.
            for source, prefix in ((inner, "auth."), (cloud, "")):
                if text := _text(source.get(each), f"{prefix}{each}"):
                    auth[name] = text
    auth.update({key: _text(value, f"auth.{key}") for key, value in inner.items() if key not in LOGIN_KEYS})
    _spread_domains(auth)
    if "auth_url" in auth:
        auth["auth_url"] = auth["auth_url"].replace("{region_name}", region)
    types = [text for key in _TYPE if (text := _text(cloud.get(key), key))]
    used = {*LOGIN_KEYS, *_REGIONS, *_PROFILE, "auth"}
    return CloudConfig(
        regions=(region,) if region else (),
        auth_type=types[-1] if types else "password",
        auth={key: value for key, value in auth.items() if value},
        verify=_flag(cloud.get("verify"), "verify", default=True)
        and not _flag(cloud.get("insecure"), "insecure", default=False),
        ca_file=_text(cloud.get("cacert"), "cacert"),
        cert_file=_text(cloud.get("cert"), "cert"),
        key_file=_text(cloud.get("key"), "key"),
        left_out=tuple(key for key, value in cloud.items() if key not in used and value is not None),
    )


def _spread_domains(auth: dict[str, str]) -> None:
    """Take one domain for that of the user and the project, unless the cloud logs in to a domain."""
    if "project_id" not in auth and "project_name" not in auth:
        return
    for name, others in _DOMAINS.items():
        if domain := auth.pop(name, ""):
            for other in others:
                auth.setdefault(other, domain)


def _text(value: object, key: str) -> str:
    try:
        return written_text(value)
    except NotText as error:
        raise BadFile(f"{key} {error}") from None


def _flag(value: object, key: str, *, default: bool) -> bool:
    if value is None or isinstance(value, bool):
        return default if value is None else value
    text = str(value).strip().lower()
    if text not in _TRUE | _FALSE:
        raise BadFile(f"{key} must be true or false")
    return text in _TRUE
