"""The folder in which the certificates of a fleet are: one authority, and a folder for each of its parts.

    authority/                  ca.crt  ca.key  issued.json     stays where certificates are made
    trust/                      ca.crt  crl.pem                 what every part believes
    <role>/<name>/              tls.crt  tls.key  ca.crt        belongs to one part, wherever that runs
    conductor/<name>/           the same, and crl.pem

Only `authority/` is of vimesh alone. The other files may come from elsewhere.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from vimesh.certificates.certificate_authority import (
    Authority,
    BadAuthority,
    bundle,
    load_authority,
    make_authority,
    other_revocation_lists,
    read_trusted,
)
from vimesh.certificates.file_generations import make_private, replace_file, replace_files
from vimesh.certificates.spiffe_ids import BadIdentity, Role, SpiffeId, parse_spiffe_id
from vimesh.files.certificate_files import CERTIFICATE, KEY, REVOKED, TRUSTED

_AUTHORITY, _TRUST, _AUTHORITY_KEY, _ISSUED, _LOCK = "authority", "trust", "ca.key", "issued.json", "lock"


class AuthorityMissing(Exception):
    """There is no authority in the folder."""


class CertificateMissing(Exception):
    """A part has no certificate that could be renewed."""


class CertificateExists(Exception):
    """What should be made is there already."""


class State(StrEnum):
    VALID = "VALID"
    DUE = "DUE"
    """Valid, but its last third has begun: renew it."""
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"


@dataclass(frozen=True, slots=True)
class Issued:
    """What the authority remembers of a certificate."""

    identity: SpiffeId
    hosts: tuple[str, ...]
    serial: int
    issued_at: datetime
    expires_at: datetime
    lifetime: timedelta
    """As it was asked for; the authority's end may have cut it short."""
    revoked_at: datetime | None = None

    def state(self, now: datetime) -> State:
        if self.revoked_at is not None:
            return State.REVOKED
        if now >= self.expires_at:
            return State.EXPIRED
        return State.DUE if now >= self.expires_at - (self.expires_at - self.issued_at) / 3 else State.VALID


class CertificateFolder:
    """Makes and remembers certificates. Several processes may use it at once."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def authority_folder(self) -> Path:
        """Where the keys that sign are."""
        return self.path / _AUTHORITY

    @property
    def trust_folder(self) -> Path:
        """Where that is what every part reads."""
        return self.path / _TRUST

    @property
    def exists(self) -> bool:
        """Whether there is an authority."""
        return (self.path / _AUTHORITY / TRUSTED).exists()

    def folder_of(self, identity: SpiffeId) -> Path:
        """Return where the files of a part are."""
        return self.path / identity.role / identity.name

    def init(self, trust_domain: str, now: datetime) -> Authority:
        """Make an authority. Raises CertificateExists, BadIdentity, OSError."""
        make_private(self.path / _AUTHORITY)
        with self.locked():
            if self.exists:
                raise CertificateExists(f"{self.path} has an authority already")
            authority = make_authority(trust_domain, now)
            files = {_AUTHORITY_KEY: authority.key_pem, TRUSTED: authority.certificate_pem}
            replace_files(self.path / _AUTHORITY, files)
            self._write_trust(authority, authority.certificate_pem, [], now)
            return authority

    def authority(self) -> Authority:
        """Read the authority. Raises AuthorityMissing, BadAuthority, OSError."""
        folder = self.path / _AUTHORITY
        try:
            return load_authority((folder / TRUSTED).read_bytes(), (folder / _AUTHORITY_KEY).read_bytes())
        except FileNotFoundError as error:
            raise AuthorityMissing(f"{self.path} has no authority") from error

    def issue(self, identity: SpiffeId, hosts: Sequence[str], lifetime: timedelta, now: datetime) -> Issued:
        """Make a key and a certificate, and write them to the folder of the part.

        Raises CertificateExists if it has a certificate that is neither expired nor revoked, AuthorityMissing,
        BadIdentity, BadAuthority, OSError.
        """
        with self.locked():
            present = self._latest().get(identity)
            if present is not None and present.state(now) in {State.VALID, State.DUE}:
                raise CertificateExists(f"{identity} has a certificate until {present.expires_at:%Y-%m-%d %H:%M} UTC")
            return self._issue(identity, tuple(hosts), lifetime, now)

    def renew(self, identity: SpiffeId, now: datetime, hosts: Sequence[str] | None = None) -> Issued:
        """Make a new key and certificate; the former one stays valid until its end. `hosts`: None for the same ones.

        Raises CertificateMissing if the part has none, or its last one was revoked; AuthorityMissing, OSError.
        """
        with self.locked():
            present = self._latest().get(identity)
            if present is None or present.revoked_at is not None:
                raise CertificateMissing(f"{identity} has no certificate to renew")
            return self._issue(identity, present.hosts if hosts is None else tuple(hosts), present.lifetime, now)

    def renew_due(self, now: datetime) -> list[Issued]:
        """Renew every certificate whose last third has begun, expired ones included."""
        return [
            self.renew(identity, now)
            for identity, present in self._latest().items()
            if present.state(now) in {State.DUE, State.EXPIRED}
        ]

    def revoke(self, identity: SpiffeId, now: datetime) -> int:
        """Revoke all certificates of a part that have not expired; return how many those are.

        Its files stay where they are, and are worth nothing once the list of revoked certificates is read.
        """
        with self.locked():
            issued = self._issued()
            hit = [each.identity == identity and each.state(now) in {State.VALID, State.DUE} for each in issued]
            if any(hit):
                issued = [
                    replace(each, revoked_at=now) if gone else each for each, gone in zip(issued, hit, strict=True)
                ]
                self._write_issued(issued)
                self._write_trust(self.authority(), self.trusted(), issued, now)
                for part in _newest(issued):
                    if part.role is Role.CONDUCTOR:
                        self._write_part(part)
            return sum(hit)

    def trust(self, pem: bytes, now: datetime) -> int:
        """Believe other authorities, too; return how many are new. Raises BadAuthority.

        `pem`: certificates of authorities, and their lists of revoked certificates. Those who look at such lists refuse
        the certificates of an authority that has none.
        """
        with self.locked():
            added = read_trusted(pem, now)
            present = read_trusted(self.trusted(), datetime.min.replace(tzinfo=UTC))
            merged = bundle([*present, *added])
            self._write_trust(self.authority(), merged, self._issued(), now, pem)
            for identity in self._latest():
                self._write_part(identity)
            return len(set(added) - set(present))

    def trusted(self) -> bytes:
        """Return the certificates of all authorities that are believed, as PEM. Raises AuthorityMissing."""
        try:
            return (self.path / _TRUST / TRUSTED).read_bytes()
        except FileNotFoundError as error:
            raise AuthorityMissing(f"{self.path} has no authority") from error

    def entries(self) -> list[Issued]:
        """Return the newest certificate of each part, by identity. Raises AuthorityMissing."""
        if not self.exists:
            raise AuthorityMissing(f"{self.path} has no authority")
        return sorted(self._latest().values(), key=lambda each: str(each.identity))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let no other process change anything. Raises AuthorityMissing if there is no folder for an authority."""
        try:
            descriptor = os.open(self.path / _AUTHORITY / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError as error:
            raise AuthorityMissing(f"{self.path} has no authority") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _issue(self, identity: SpiffeId, hosts: tuple[str, ...], lifetime: timedelta, now: datetime) -> Issued:
        made = self.authority().issue(identity, hosts, lifetime, now)
        issued = Issued(identity, hosts, made.serial, now, made.expires_at, lifetime)
        # Remembered first: a certificate that nobody remembers could not be revoked.
        self._write_issued([*self._unexpired(now), issued])
        own = {KEY: made.key_pem, CERTIFICATE: made.certificate_pem}
        replace_files(self.folder_of(identity), own | self._trust_of(identity))
        return issued

    def _write_part(self, identity: SpiffeId) -> None:
        """Replace what a part believes, if its files are here."""
        folder = self.folder_of(identity)
        if all((folder / name).exists() for name in (KEY, CERTIFICATE, TRUSTED)):
            own = {name: (folder / name).read_bytes() for name in (KEY, CERTIFICATE)}
            replace_files(folder, own | self._trust_of(identity))

    def _trust_of(self, identity: SpiffeId) -> dict[str, bytes]:
        """Return the files that say what a part believes. A conductor has the list at hand, wherever it runs."""
        trust = {TRUSTED: self.trusted()}
        if identity.role is Role.CONDUCTOR:
            trust[REVOKED] = (self.path / _TRUST / REVOKED).read_bytes()
        return trust

    def _write_trust(
        self, authority: Authority, trusted: bytes, issued: Sequence[Issued], now: datetime, lists: bytes = b""
    ) -> None:
        """Replace what every part believes. `lists`: newer lists of revoked certificates of other authorities."""
        path = self.path / _TRUST / REVOKED
        present = path.read_bytes() if path.exists() else b""
        authorities = read_trusted(trusted, datetime.min.replace(tzinfo=UTC))
        others = other_revocation_lists(present + lists, authorities, authority.certificate)
        revoked = {each.serial: each.revoked_at for each in issued if each.revoked_at is not None}
        replace_files(self.path / _TRUST, {TRUSTED: trusted, REVOKED: authority.revocation_list(revoked, now) + others})

    def _latest(self) -> dict[SpiffeId, Issued]:
        return _newest(self._issued())

    def _unexpired(self, now: datetime) -> list[Issued]:
        """Forget what expired long ago: it needs no revocation any more."""
        issued = self._issued()
        latest = _newest(issued)
        return [each for each in issued if each.expires_at > now or latest[each.identity] is each]

    def _issued(self) -> list[Issued]:
        try:
            documents = json.loads((self.path / _AUTHORITY / _ISSUED).read_bytes())
            return [_issued_from(document) for document in documents]
        except FileNotFoundError:
            return []
        except (ValueError, TypeError, KeyError, BadIdentity) as error:
            raise BadAuthority(f"{self.path / _AUTHORITY / _ISSUED} cannot be read: {error}") from error

    def _write_issued(self, issued: Sequence[Issued]) -> None:
        content = json.dumps([_document(each) for each in issued], indent=1) + "\n"
        replace_file(self.path / _AUTHORITY / _ISSUED, content.encode())


def _newest(issued: Sequence[Issued]) -> dict[SpiffeId, Issued]:
    """Return the last certificate of each part."""
    return {each.identity: each for each in issued}


def _document(issued: Issued) -> dict[str, object]:
    return asdict(issued) | {
        "identity": str(issued.identity),
        "serial": f"{issued.serial:x}",
        "issued_at": issued.issued_at.isoformat(),
        "expires_at": issued.expires_at.isoformat(),
        "lifetime": issued.lifetime.total_seconds(),
        "revoked_at": None if issued.revoked_at is None else issued.revoked_at.isoformat(),
    }


def _issued_from(document: dict[str, object]) -> Issued:
    revoked_at = document["revoked_at"]
    hosts = document["hosts"]
    if not isinstance(hosts, list):
        raise TypeError("hosts are not a list")
    return Issued(
        identity=parse_spiffe_id(str(document["identity"])),
        hosts=tuple(str(host) for host in hosts),
        serial=int(str(document["serial"]), 16),
        issued_at=datetime.fromisoformat(str(document["issued_at"])),
        expires_at=datetime.fromisoformat(str(document["expires_at"])),
        lifetime=timedelta(seconds=float(str(document["lifetime"]))),
        revoked_at=None if revoked_at is None else datetime.fromisoformat(str(revoked_at)),
    )
