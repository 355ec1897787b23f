"""Certificates as OpenSSL sees them: who may speak to whom, before and after each change."""

from __future__ import annotations

import json
import os
import socket
import ssl
import stat
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from vimesh.certificates.certificate_authority import BadAuthority, make_authority
from vimesh.certificates.certificate_folder import (
    AuthorityMissing,
    CertificateExists,
    CertificateFolder,
    CertificateMissing,
    State,
)
from vimesh.certificates.spiffe_ids import BadIdentity, Role, SpiffeId

NOW = datetime.now(UTC).replace(microsecond=0)
FRONT = SpiffeId("vimesh", Role.FRONT, "front-1")
MONITOR = SpiffeId("vimesh", Role.MONITOR, "m1")
LIFETIME = timedelta(days=90)
HOSTS = ("front.example.org", "127.0.0.1", "::1")


@pytest.fixture
def folder(tmp_path: Path) -> CertificateFolder:
    certificates = CertificateFolder(tmp_path / "certs")
    certificates.init("vimesh", NOW)
    return certificates


def issue(folder: CertificateFolder, identity: SpiffeId, lifetime: timedelta = LIFETIME) -> Path:
    hosts = HOSTS if identity.role.serves else ()
    folder.issue(identity, hosts, lifetime, NOW)
    return folder.folder_of(identity)


def context_of(part: Path, purpose: ssl.Purpose, revoked: Path | None = None) -> ssl.SSLContext:
    """Return a context that proves who it is, and wants the other side to."""
    context = ssl.create_default_context(purpose, cafile=str(part / "ca.crt"))
    context.load_cert_chain(part / "tls.crt", part / "tls.key")
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    if revoked is not None:
        context.load_verify_locations(revoked)
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    return context


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> set[str]:
    """Shake hands; return the URIs of the client's certificate. Raises SSLError of either side."""
    ours, theirs = socket.socketpair()

    def serve() -> set[str]:
        with ours, server.wrap_socket(ours, server_side=True) as connection:
            certificate = connection.getpeercert(binary_form=True)
            connection.sendall(b"welcome")
        assert certificate is not None
        names = x509.load_der_x509_certificate(certificate).extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
        return set(names.value.get_values_for_type(x509.UniformResourceIdentifier))

    with ThreadPoolExecutor(1) as pool:
        served = pool.submit(serve)
        try:
            with theirs, client.wrap_socket(theirs, server_hostname=name) as connection:
                connection.recv(7)
        except (ssl.SSLError, ConnectionError):
            served.result()  # says why
            raise
        return served.result()


@pytest.mark.parametrize("host", HOSTS)
def test_parts_prove_to_each_other_who_they_are(folder: CertificateFolder, host: str) -> None:
    front, monitor = issue(folder, FRONT), issue(folder, MONITOR)

    server = context_of(front, ssl.Purpose.CLIENT_AUTH, folder.path / "trust" / "crl.pem")
    assert handshake(server, context_of(monitor, ssl.Purpose.SERVER_AUTH), host) == {str(MONITOR)}


def test_a_part_is_believed_at_its_own_hosts_only(folder: CertificateFolder) -> None:
    front, monitor = issue(folder, FRONT), issue(folder, MONITOR)

    server = context_of(front, ssl.Purpose.CLIENT_AUTH)
    with pytest.raises(ssl.SSLError):
        handshake(server, context_of(monitor, ssl.Purpose.SERVER_AUTH), "other.example.org")


def test_who_comes_from_another_authority_is_not_believed_before_that_is_trusted(
    folder: CertificateFolder, tmp_path: Path
) -> None:
    other = CertificateFolder(tmp_path / "other")
    other.init("vimesh", NOW)  # of the same name
    front, stranger = issue(folder, FRONT), issue(other, MONITOR)
    theirs = context_of(stranger, ssl.Purpose.SERVER_AUTH)
    theirs.load_verify_locations(folder.path / "trust" / "ca.crt")
    with pytest.raises(ssl.SSLError):
        handshake(context_of(front, ssl.Purpose.CLIENT_AUTH), theirs, HOSTS[0])

    assert folder.trust((other.path / "trust" / "ca.crt").read_bytes(), NOW) == 1
    assert folder.trust((other.path / "trust" / "ca.crt").read_bytes(), NOW) == 0

    assert handshake(context_of(front, ssl.Purpose.CLIENT_AUTH), theirs, HOSTS[0]) == {str(MONITOR)}


def test_revocation_lists_of_other_authorities_are_kept_and_replaced(folder: CertificateFolder, tmp_path: Path) -> None:
    other = CertificateFolder(tmp_path / "other")
    other.init("vimesh", NOW)  # of the same name
    front, stranger, own = issue(folder, FRONT), issue(other, MONITOR), issue(folder, MONITOR)
    files = [other.path / "trust" / name for name in ("ca.crt", "crl.pem")]
    crl = folder.path / "trust" / "crl.pem"
    folder.trust(files[0].read_bytes(), NOW)
    theirs = context_of(stranger, ssl.Purpose.SERVER_AUTH)
    theirs.load_verify_locations(folder.path / "trust" / "ca.crt")
    ours = context_of(own, ssl.Purpose.SERVER_AUTH)
    with pytest.raises(ssl.SSLError, match="CRL"):
        handshake(context_of(front, ssl.Purpose.CLIENT_AUTH, crl), theirs, HOSTS[0])

    folder.trust(b"".join(file.read_bytes() for file in files), NOW)
    assert handshake(context_of(front, ssl.Purpose.CLIENT_AUTH, crl), theirs, HOSTS[0]) == {str(MONITOR)}
    other.revoke(MONITOR, NOW)
    folder.trust(b"".join(file.read_bytes() for file in files), NOW)
    folder.revoke(SpiffeId("vimesh", Role.CLI, "nobody"), NOW)

    server = context_of(front, ssl.Purpose.CLIENT_AUTH, crl)
    assert handshake(server, ours, HOSTS[0]) == {str(MONITOR)}
    with pytest.raises(ssl.SSLError, match="revoked"):
        handshake(server, theirs, HOSTS[0])


def test_a_revocation_list_of_nobody_who_is_trusted_is_refused(folder: CertificateFolder, tmp_path: Path) -> None:
    other = CertificateFolder(tmp_path / "other")
    other.init("other", NOW)
    before = (folder.path / "trust" / "crl.pem").read_bytes()
    foreign = (other.path / "trust" / "crl.pem").read_bytes()
    broken = b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"

    for pem in (foreign, broken):
        with pytest.raises(BadAuthority):
            folder.trust((folder.path / "trust" / "ca.crt").read_bytes() + pem, NOW)
    assert (folder.path / "trust" / "crl.pem").read_bytes() == before


def test_who_is_revoked_is_not_believed_any_more_but_may_be_given_another(folder: CertificateFolder) -> None:
    front, monitor = issue(folder, FRONT), issue(folder, MONITOR)
    stolen = context_of(monitor, ssl.Purpose.SERVER_AUTH)
    folder.renew(MONITOR, NOW + timedelta(seconds=1))
    renewed = context_of(monitor, ssl.Purpose.SERVER_AUTH)

    assert folder.revoke(MONITOR, NOW + timedelta(seconds=2)) == 2
    assert folder.revoke(MONITOR, NOW + timedelta(seconds=2)) == 0

    server = context_of(front, ssl.Purpose.CLIENT_AUTH, folder.path / "trust" / "crl.pem")
    for client in (stolen, renewed):
        with pytest.raises(ssl.SSLError, match="revoked"):
            handshake(server, client, HOSTS[0])
    with pytest.raises(CertificateMissing):
        folder.renew(MONITOR, NOW)
    issue(folder, MONITOR)
    server = context_of(front, ssl.Purpose.CLIENT_AUTH, folder.path / "trust" / "crl.pem")
    assert handshake(server, context_of(monitor, ssl.Purpose.SERVER_AUTH), HOSTS[0]) == {str(MONITOR)}


def test_a_conductor_has_the_list_of_revoked_certificates_in_its_own_folder(folder: CertificateFolder) -> None:
    conductor, monitor = issue(folder, SpiffeId("vimesh", Role.CONDUCTOR, "c1")), issue(folder, MONITOR)
    files = sorted(path.name for path in conductor.iterdir() if not path.name.startswith("."))
    before = {name: (conductor / name).read_bytes() for name in files}

    folder.revoke(MONITOR, NOW)

    after = {name: (conductor / name).read_bytes() for name in files}
    assert files == ["ca.crt", "crl.pem", "tls.crt", "tls.key"]
    assert [name for name in files if before[name] != after[name]] == ["crl.pem"]
    assert after["crl.pem"] == (folder.path / "trust" / "crl.pem").read_bytes()
    assert not (monitor / "crl.pem").exists()


def test_a_certificate_ends_as_asked_for_but_not_after_its_authority(folder: CertificateFolder) -> None:
    part = issue(folder, MONITOR, timedelta(days=100_000))
    certificate = x509.load_pem_x509_certificate((part / "tls.crt").read_bytes())

    assert certificate.not_valid_after_utc == folder.authority().certificate.not_valid_after_utc
    assert certificate.not_valid_before_utc == NOW - timedelta(minutes=5)


def test_what_is_due_is_renewed_with_another_key_for_the_same_hosts(folder: CertificateFolder) -> None:
    front = issue(folder, FRONT, timedelta(days=30))
    issue(folder, MONITOR, timedelta(days=300))
    key, in_third_week = (front / "tls.key").read_bytes(), NOW + timedelta(days=21)
    assert folder.renew_due(NOW + timedelta(days=19)) == []
    assert {each.identity: each.state(in_third_week) for each in folder.entries()} == {
        FRONT: State.DUE,
        MONITOR: State.VALID,
    }

    (renewed,) = folder.renew_due(in_third_week)

    assert (renewed.identity, renewed.hosts, renewed.expires_at) == (FRONT, HOSTS, NOW + timedelta(days=51))
    assert (front / "tls.key").read_bytes() != key
    assert {each.state(in_third_week) for each in folder.entries()} == {State.VALID}


def test_no_key_is_lost_by_a_second_order(folder: CertificateFolder) -> None:
    key = (issue(folder, MONITOR) / "tls.key").read_bytes()

    with pytest.raises(CertificateExists):
        issue(folder, MONITOR)
    with pytest.raises(CertificateExists):
        folder.init("vimesh", NOW)

    assert (folder.folder_of(MONITOR) / "tls.key").read_bytes() == key


def test_no_reader_ever_sees_a_key_without_its_certificate(folder: CertificateFolder) -> None:
    part = issue(folder, MONITOR)
    ended = threading.Event()

    def read() -> int:
        reads = 0
        while not ended.is_set():
            try:
                opened = os.open(part / "..data", os.O_RDONLY | os.O_DIRECTORY)
            except FileNotFoundError:
                continue  # replaced while the link was followed
            try:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.load_cert_chain(f"/proc/self/fd/{opened}/tls.crt", f"/proc/self/fd/{opened}/tls.key")
                reads += 1
            except FileNotFoundError:
                pass  # a former generation, which is gone: never half of one
            finally:
                os.close(opened)
        return reads

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        for number in range(20):
            folder.renew(MONITOR, NOW + timedelta(seconds=number))
        ended.set()
        assert reading.result() > 0
    assert len(list(part.glob("..files.*"))) == 1


def test_only_the_owner_reads_what_is_made(folder: CertificateFolder) -> None:
    issue(folder, MONITOR)

    for path in folder.path.rglob("*"):
        mode = stat.S_IMODE(path.lstat().st_mode)
        assert path.is_symlink() or mode & 0o077 == 0, f"{path}: {mode:o}"


def test_orders_at_one_moment_are_all_remembered(folder: CertificateFolder) -> None:
    identities = [SpiffeId("vimesh", Role.MONITOR, f"m{number}") for number in range(16)]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda identity: issue(CertificateFolder(folder.path), identity), identities))

    assert {each.identity for each in folder.entries()} == set(identities)


def test_what_is_no_authority_is_not_trusted(folder: CertificateFolder) -> None:
    before = folder.trusted()
    leaf = (issue(folder, MONITOR) / "tls.crt").read_bytes()
    expired = make_authority("old", NOW - timedelta(days=10), timedelta(days=5)).certificate_pem

    for pem, why in ((leaf, "may not sign"), (expired, "expired"), (b"no PEM", "no certificates"), (b"", "no certifi")):
        with pytest.raises(BadAuthority, match=why):
            folder.trust(pem, NOW)

    assert folder.trusted() == before


def test_an_authority_signs_for_its_own_trust_domain_only(folder: CertificateFolder) -> None:
    with pytest.raises(BadIdentity, match="is for vimesh"):
        issue(folder, SpiffeId("other", Role.MONITOR, "m1"))


@pytest.mark.parametrize("host", ["münchen.example.org", "a b\x00"])
def test_a_host_that_no_certificate_can_name_is_refused_and_leaves_nothing(
    folder: CertificateFolder, host: str
) -> None:
    with pytest.raises(BadIdentity):
        folder.issue(FRONT, (host,), LIFETIME, NOW)

    assert folder.entries() == []
    assert not folder.folder_of(FRONT).exists()


def test_without_an_authority_nothing_is_made(tmp_path: Path) -> None:
    folder = CertificateFolder(tmp_path / "certs")

    for deed in (lambda: issue(folder, MONITOR), lambda: folder.renew(MONITOR, NOW), folder.entries, folder.trusted):
        with pytest.raises(AuthorityMissing):
            deed()

    assert not folder.path.exists()


@pytest.mark.parametrize("content", ["", "{", "[{}]", '[{"hosts": "a"}]', "[1]"])
def test_a_broken_memory_is_never_taken_for_an_empty_one(folder: CertificateFolder, content: str) -> None:
    (folder.path / "authority" / "issued.json").write_text(content)

    with pytest.raises(BadAuthority, match=r"issued\.json"):
        issue(folder, MONITOR)


def test_expired_certificates_are_forgotten_but_for_the_last_of_a_part(folder: CertificateFolder) -> None:
    issue(folder, MONITOR, timedelta(days=1))
    for day in (2, 4, 6):
        folder.renew(MONITOR, NOW + timedelta(days=day))

    issued = json.loads((folder.path / "authority" / "issued.json").read_text())

    assert len(issued) == 2


def test_openssl_finds_nothing_wrong(folder: CertificateFolder) -> None:
    front = issue(folder, FRONT)
    trust = folder.path / "trust"

    checked = subprocess.run(
        ["openssl", "verify", "-x509_strict", "-crl_check", "-CAfile", trust / "ca.crt", "-CRLfile", trust / "crl.pem",
         "-purpose", "sslserver", front / "tls.crt"],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip

    assert (checked.returncode, checked.stderr) == (0, "")
