"""Keeps wrong credentials from being tried so often that a cloud locks their user out.

Nothing here holds a secret: credentials are known by digests whose key is made anew in each process.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

PAUSES_S: Final = (900.0, 3600.0, 6 * 3600.0, 24 * 3600.0)
"""How long credentials are not tried after each refusal; the last one goes on."""
ACCOUNT_TRIES: Final = 3
"""Refusals in a row, of all VIMs with one account, until none of them is tried.

Many clouds lock a user after six within half an hour.
"""
_MOST_ACCOUNTS: Final = 20_000
_NOT_THE_ACCOUNT: Final = frozenset(
    {"cert_verify", "ssl_ca_cert", "project_id", "project_name", "project_domain_id", "project_domain_name"}
    | {"domain_id", "domain_name", "system_scope"}
)
"""Fields of credentials that say what a login is for, and not whose it is."""


@dataclass(frozen=True, slots=True)
class CredentialDigests:
    whole: bytes
    """Of all that a login of the VIM consists of."""
    account: bytes
    """Of whose login it is: VIMs that differ only in the project have this in common."""


@dataclass(slots=True)
class RefusedLogins:
    """How often the same credentials were refused in a row."""

    digest: bytes
    count: int = 0
    wait_until: float = 0.0

    def add(self, now: float, free: int = 0) -> None:
        """Count one. The first `free` have no pause."""
        self.count += 1
        step = self.count - 1 - free
        if step >= 0:
            self.wait_until = now + PAUSES_S[min(step, len(PAUSES_S) - 1)]


class LockoutGuard:
    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._accounts: OrderedDict[bytes, RefusedLogins] = OrderedDict()

    def digests(
        self, cloud: str, auth_cred: Mapping[str, object], vim_project: Mapping[str, object]
    ) -> CredentialDigests:
        """Return what stands for credentials at a cloud, which is its `host:port`."""
        account = {name: value for name, value in auth_cred.items() if name not in _NOT_THE_ACCOUNT}
        return CredentialDigests(self._digest([cloud, auth_cred, vim_project]), self._digest([cloud, account]))

    def _digest(self, value: object) -> bytes:
        return hmac.digest(self._key, json.dumps(value, sort_keys=True).encode(), hashlib.sha256)

    def wait_until(self, digests: CredentialDigests, own: RefusedLogins | None) -> float:
        """Return before when the credentials must not be tried; 0: they may be. `own`: what the VIM was refused."""
        account = self._accounts.get(digests.account)
        of_account = account.wait_until if account is not None else 0.0
        return max(of_account, own.wait_until if own is not None and own.digest == digests.whole else 0.0)

    def refused(self, digests: CredentialDigests, own: RefusedLogins | None, now: float) -> RefusedLogins:
        """Note that a cloud refused credentials; return what the VIM was refused so far."""
        if own is None or own.digest != digests.whole:
            own = RefusedLogins(digests.whole)
        own.add(now)
        account = self._accounts.pop(digests.account, None) or RefusedLogins(digests.account)
        account.add(now, free=ACCOUNT_TRIES - 1)
        self._accounts[digests.account] = account
        while len(self._accounts) > _MOST_ACCOUNTS:
            self._accounts.popitem(last=False)
        return own

    def accepted(self, digests: CredentialDigests) -> None:
        """Note that a cloud accepted them: whatever was refused had another cause than the account."""
        self._accounts.pop(digests.account, None)
