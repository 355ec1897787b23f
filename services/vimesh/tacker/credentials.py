"""Restores a VIM's credentials as its user entered them: decrypted, and without Tacker's additions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from vimesh.tacker.keys import KeyFolder, WrongKey
from vimesh.tacker.tacker_errors import CannotImport

# The fields that Tacker encrypts, by the type of the VIM.
_ENCRYPTED: Final = {
    "openstack": ("password",),
    "kubernetes": ("password", "bearer_token", "ssl_ca_cert", "client_secret"),
}
_OF_STORAGE: Final = frozenset({"key_type", "secret_uuid"})
# Copied from the VIM and its project, or created for one call, each time that Tacker logs in.
_DERIVED: Final = {
    "openstack": frozenset({"auth_url", "project_id", "project_name", "project_domain_name"}),
    "kubernetes": frozenset({"auth_url", "ca_cert_file", "id_token"}),
}
# Tacker's ways of writing that there is no certificate.
_NONE: Final = frozenset({"", "None", "NONE", "null", "NULL"})
_NOBODY: Final = "None"
"""The user name that Tacker stores for a VIM with a token."""
_FILE_KEYS: Final = frozenset({"fernet_key", None})
_BARBICAN: Final = "barbican_key"


@dataclass(frozen=True, slots=True)
class Credentials:
    auth_cred: Mapping[str, Any] = field(repr=False)
    left_out: tuple[str, ...] = ()
    """Names of secrets that exist but were left out."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A VIM's credentials as the database stores them."""

    vim_id: str
    type: str
    password: str | None = field(repr=False)
    auth_cred: Mapping[str, Any] = field(repr=False)


class CredentialsReader:
    def __init__(self, keys: KeyFolder | None, *, without_secrets: bool) -> None:
        """Without `keys`, every secret is left out; with `without_secrets`, those whose key only Barbican has."""
        self._keys = keys
        self._without_secrets = without_secrets

    def read(self, stored: Stored) -> Credentials:
        """Return the credentials of a VIM. Raises CannotImport."""
        typed = _typed(stored)
        secrets = {name: value for name in _ENCRYPTED[stored.type] if _is_secret(name, value := typed.get(name))}
        if not secrets:
            return Credentials(typed)
        if self._keys is None or self._leaves_out(stored, self._keys):
            kept = {name: value for name, value in typed.items() if name not in secrets}
            return Credentials(kept, tuple(secrets))
        key = self._keys.key_of(stored.vim_id)
        opened: dict[str, object] = {}
        for name, value in secrets.items():
            try:
                opened[name] = key.open(str(value))
            except WrongKey:
                path = self._keys.path_of(stored.vim_id)
                raise CannotImport(
                    f"its key file {path} does not decrypt its {name}: does it belong to this VIM and this database?"
                ) from None
        return Credentials({**typed, **opened})

    def _leaves_out(self, stored: Stored, keys: KeyFolder) -> bool:
        """Return whether to import the VIM without secrets. Raises CannotImport if that is needed but not allowed."""
        key_type = stored.auth_cred.get("key_type")
        # A key that was fetched from Barbican is stored next to the others.
        if key_type in _FILE_KEYS or keys.has(stored.vim_id):
            return False
        if key_type != _BARBICAN:
            raise CannotImport("its credentials have an unknown type of key")
        if not self._without_secrets:
            raise CannotImport(
                f"its key is in Barbican: save the payload of the secret as {keys.path_of(stored.vim_id)}, "
                "or leave its secrets out with --without-secrets"
            )
        return True


def _typed(stored: Stored) -> dict[str, object]:
    added = _OF_STORAGE | _DERIVED[stored.type]
    typed = {name: value for name, value in stored.auth_cred.items() if name not in added}
    if stored.password is not None:
        typed["password"] = stored.password
    if typed.get("password") is None:
        typed.pop("password", None)
        if stored.type == "kubernetes" and typed.get("username") == _NOBODY:
            del typed["username"]
    return typed


def _is_secret(name: str, value: object) -> bool:
    # Without a certificate, the field contains a word instead, which is not encrypted.
    return isinstance(value, str) and bool(value) and not (name == "ssl_ca_cert" and value in _NONE)
