"""Makes the certificates of a fleet on one machine, and renews them while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Never

from vimesh.certificates.certificate_authority import BadAuthority
from vimesh.certificates.certificate_folder import CertificateFolder, State
from vimesh.certificates.local_names import names_of_this_machine
from vimesh.certificates.service_tokens import AUDIENCE, ServiceTokens
from vimesh.certificates.spiffe_ids import Role, SpiffeId
from vimesh.cli.base.exits import Failure
from vimesh.envoy.fleet.front_security import TokenIssuer

_TRUST_DOMAIN: Final = "vimesh"
_NAME: Final = "local"
_LIFETIME: Final = timedelta(days=90)
_LOOK_EVERY_S: Final = 3600.0
_EVERY_ADDRESS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, not bound


class FleetCertificates:
    """The files are read again by all parts when they change."""

    def __init__(self, path: Path, host: str) -> None:
        """`host`: the IP address on which the front listens."""
        self._folder = CertificateFolder(path)
        self._front_hosts = front_hosts(host)
        self.front = self._of(Role.FRONT)
        self.monitor = self._of(Role.MONITOR)
        self.api = self._of(Role.API)
        self.notifier = self._of(Role.NOTIFIER)
        self.console = self._of(Role.CONSOLE)
        # The role of a person is the first part of the name.
        self.administrator = self._folder.folder_of(SpiffeId(_TRUST_DOMAIN, Role.CLI, f"admin.{_NAME}"))
        self.trust = path / "trust"
        self._tokens = ServiceTokens(self._folder)

    def make(self) -> None:
        """Make what is missing, expired, due, or for other hosts. Raises Failure."""
        try:
            if not self._folder.exists:
                self._folder.init(_TRUST_DOMAIN, _now())
            self._make(SpiffeId(_TRUST_DOMAIN, Role.FRONT, _NAME), self._front_hosts)
            for role in (Role.MONITOR, Role.API, Role.NOTIFIER, Role.CONSOLE):
                self._make(SpiffeId(_TRUST_DOMAIN, role, _NAME), ())
            self._make(SpiffeId(_TRUST_DOMAIN, Role.CLI, f"admin.{_NAME}"), ())
            self._tokens.prepare()
        except (BadAuthority, OSError) as error:
            raise Failure(
                f"the certificates in {self._folder.path} cannot be used: {error}",
                hint="restore that folder, or remove it to begin with a new authority",
            ) from error

    @property
    def token_issuer(self) -> TokenIssuer:
        """Who signs what `vimesh certs token` makes."""
        return TokenIssuer(f"spiffe://{_TRUST_DOMAIN}", (AUDIENCE,), jwks_file=self._tokens.key_set.absolute())

    async def keep_valid(self, say: Callable[[str], object]) -> Never:
        """Renew each certificate when its last third begins. Runs until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            try:
                renewed = await asyncio.to_thread(self._folder.renew_due, _now())
            except (BadAuthority, OSError) as error:
                say(f"cannot renew certificates, which are valid for weeks still: {error}")
                continue
            for issued in renewed:
                say(f"renewed the certificate of {issued.identity}, valid until {issued.expires_at:%Y-%m-%d %H:%M} UTC")

    def _of(self, role: Role) -> Path:
        return self._folder.folder_of(SpiffeId(_TRUST_DOMAIN, role, _NAME))

    def _make(self, identity: SpiffeId, hosts: tuple[str, ...]) -> None:
        present = {each.identity: each for each in self._folder.entries()}.get(identity)
        if present is None or present.state(_now()) in {State.EXPIRED, State.REVOKED}:
            self._folder.issue(identity, hosts, _LIFETIME, _now())
        elif present.state(_now()) is State.DUE or set(present.hosts) != set(hosts):
            self._folder.renew(identity, _now(), hosts)


def front_hosts(host: str) -> tuple[str, ...]:
    """Return the names and addresses by which a front is called that listens on this IP address."""
    named = () if host in _EVERY_ADDRESS else (host,)
    return tuple(dict.fromkeys((*names_of_this_machine(), *named)))


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
