"""A fleet on several machines, as docs/security.md has it: two conductors and a monitor, all by mTLS, one front."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from tests.support.callers.commands import Command
from tests.support.callers.running import START_LIMIT_S, Running, running
from tests.support.deployments.conductors import Client, client_on
from tests.support.deployments.envoys import PLAIN, RunningEnvoy, running_envoy
from tests.support.identities.certified import LIFETIME, Certified
from tests.support.identities.secured_fleets import ISSUER, put, secured
from tests.support.identities.tokens import SigningKey, claims_of, key_set
from tests.support.probers.loopback_rules import PROBE_LOOPBACK
from tests.support.sql.stores import sqlite_url
from vimesh.certificates.certificate_folder import CertificateFolder
from vimesh.certificates.file_generations import replace_files
from vimesh.certificates.spiffe_ids import Role
from vimesh.envoy.fleet.front_security import TokenIssuer
from vimesh.files.certificate_files import CERTIFICATE, KEY, REVOKED, TOKEN, TRUSTED
from vimesh.rpc.channels import channel

CONTACT_WITHIN_S = 5
_CONDUCTORS = ("c1", "c2")
_SHORT = {"max_connection_duration: 3600s": "max_connection_duration: 5s", "cache_duration: 10s": "cache_duration: 1s"}


@dataclass
class SecuredSite:
    envoy: RunningEnvoy
    certified: Certified
    folder: Path
    key: SigningKey
    """Signs the tokens of people."""

    @property
    def front(self) -> str:
        """The address of the front by the name in its certificate."""
        return self.envoy.address.replace("127.0.0.1", "localhost")

    @asynccontextmanager
    async def caller(self, credentials: Path) -> AsyncGenerator[Client]:
        """Call the front as vimesh's own clients do, with the files of a folder, which may be replaced."""
        async with channel(self.front, credentials) as opened:
            yield client_on(opened, self.front)

    def part(self, role: Role, name: str) -> Path:
        """Issue a certificate; return its folder."""
        return self.certified.part(role, name)

    def person(self, name: str, role: str) -> Path:
        """Return a folder with a token for all projects instead of a certificate."""
        folder = self.folder / "people" / name
        folder.mkdir(parents=True)
        put(folder / TRUSTED, self.certified.folder.trusted())
        self.sign(folder, role)
        return folder

    def sign(self, folder: Path, role: str) -> None:
        """Replace the token in a folder by one that the present key has signed."""
        claims = claims_of(folder.name, vimesh_roles=role, vimesh_projects="*")
        put(folder / TOKEN, self.key.sign(claims).encode())

    def publish(self, *keys: SigningKey) -> None:
        """Replace the keys that the front believes."""
        put(self.folder / "keys" / "jwks.json", key_set(*keys))

    def renew_certificates(self) -> None:
        """Renew the certificate of each part."""
        for issued in self.certified.folder.entries():
            self.certified.folder.renew(issued.identity, datetime.now(UTC))

    def replace_authority(self) -> Succession:
        return Succession(self.certified.folder, CertificateFolder(self.folder / "successor"))

    async def rotate_key(self) -> str:
        """Encrypt all credentials with a new key, by the command for it; return what it said."""
        done = await asyncio.to_thread(
            Command(self.folder), "db", "rotate-key", "--new-key", "--remove-old", *_database(self.folder)
        )
        assert done.code == 0, done.err
        return done.out


class Succession:
    """An authority is replaced by another one of the same trust domain, in three steps."""

    def __init__(self, present: CertificateFolder, successor: CertificateFolder) -> None:
        self._present = present
        self._successor = successor
        self._identities = [(issued.identity, issued.hosts) for issued in present.entries()]
        successor.init(self._identities[0][0].trust_domain, datetime.now(UTC))

    def trust_both(self) -> None:
        self._present.trust(_trust_of(self._successor), datetime.now(UTC))

    def issue_anew(self) -> None:
        """Give each part a certificate of the successor, which all parts trust by now."""
        self._successor.trust(_trust_of(self._present), datetime.now(UTC))
        for identity, hosts in self._identities:
            self._successor.issue(identity, hosts, LIFETIME, datetime.now(UTC))
            issued = self._successor.folder_of(identity)
            contents = {name: (issued / name).read_bytes() for name in (CERTIFICATE, KEY, TRUSTED)}
            replace_files(self._present.folder_of(identity), contents)

    def forget_predecessor(self) -> bytes:
        """Let the parts trust the successor alone; return its certificate."""
        authority = self._successor.authority()
        alone = authority.certificate_pem
        lists = authority.revocation_list({}, datetime.now(UTC))
        replace_files(self._present.path / "trust", {TRUSTED: alone, REVOKED: lists})
        for identity, _ in self._identities:
            folder = self._present.folder_of(identity)
            rest = {name: (folder / name).read_bytes() for name in (CERTIFICATE, KEY)}
            replace_files(folder, rest | {TRUSTED: alone})
        return alone


def _trust_of(folder: CertificateFolder) -> bytes:
    trust = folder.path / "trust"
    return (trust / TRUSTED).read_bytes() + (trust / REVOKED).read_bytes()


def _database(folder: Path) -> tuple[str, ...]:
    return ("--database-url", sqlite_url(folder / "vimesh.sqlite"), "--key-file", str(folder / "key"))


@asynccontextmanager
async def secured_site(folder: Path) -> AsyncGenerator[SecuredSite]:
    certified, key = Certified(folder / "certs"), SigningKey("first")
    (folder / "keys").mkdir()
    put(folder / "keys" / "jwks.json", key_set(key))
    issuer = TokenIssuer(ISSUER, ("vimesh",), jwks_file=folder / "keys" / "jwks.json")
    front = certified.part(Role.FRONT, "front-1")
    vimesh = Command(folder)
    for words in (("db", "make-key", str(folder / "key")), ("db", "upgrade", *_database(folder)[:2])):
        done = await asyncio.to_thread(vimesh, *words)
        assert done.code == 0, done.err
    with ExitStack() as processes:
        conductors = [_conductor(processes, folder, certified.part(Role.CONDUCTOR, name)) for name in _CONDUCTORS]
        like = replace(PLAIN, security=secured(certified, front, issuers=(issuer,)))
        async with running_envoy(conductors, instead=_SHORT, like=like, access_log=folder / "access.json") as envoy:
            await envoy.until_healthy(conductors)
            site = SecuredSite(envoy, certified, folder, key)
            monitor = ("monitor", "--address", site.front, "--credentials", str(site.part(Role.MONITOR, "m1")))
            processes.enter_context(running(folder, *monitor, *PROBE_LOOPBACK))
            yield site


def _conductor(processes: ExitStack, folder: Path, credentials: Path) -> str:
    process: Running = processes.enter_context(
        running(
            folder,
            *("conductor", "--listen", "127.0.0.1:0", "--require-identity", "--credentials", str(credentials)),
            *("--contact-within", f"{CONTACT_WITHIN_S}s", *_database(folder)),
        )
    )
    said = re.search(r"port=(\d+)", process.line_with("conductor is serving", within_s=START_LIMIT_S))
    assert said is not None
    return f"127.0.0.1:{said[1]}"
