"""A fleet on one machine asks who calls, and its user need not do anything for it."""

from __future__ import annotations

import http.client
import re
import shlex
import ssl
import subprocess
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.callers.commands import Command
from tests.support.callers.running import Fleet, fleet
from tests.support.scraping.scrapes import get
from vimesh.certificates.certificate_folder import CertificateFolder
from vimesh.certificates.spiffe_ids import Role, SpiffeId
from vimesh.cli.base.exits import Failure
from vimesh.cli.local_fleet.fleet_certificates import FleetCertificates
from vimesh.files.certificate_files import CERTIFICATE, KEY, TRUSTED

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Generator[Fleet]:
    with fleet(tmp_path_factory.mktemp("secured"), "--secured", "--conductors", "1") as up:
        yield up


@pytest.mark.fleet
def test_commands_beside_the_data_find_what_to_show(secured: Fleet, tmp_path: Path) -> None:
    user = Command(tmp_path, {"VIMESH_ADDRESS": secured.address, "VIMESH_UP_DATA_DIR": str(secured.data_dir)})

    done = user("vim", "register", "a", "--auth-url", "http://127.0.0.1:9/v3", "--wait", "UNREACHABLE")

    assert done.code == 0, done.err
    told = user("whoami").out
    assert "spiffe://vimesh/cli/admin.local" in told
    assert "admin" in told
    assert user("vim", "deregister", "a").code == 0
    audit = (secured.data_dir / "audit.log").read_text()
    assert re.search(
        r'"identity": "spiffe://vimesh/cli/admin.local", "method": "vimesh.v1.VimService/Deregister', audit
    )
    assert (secured.data_dir / "audit.log").stat().st_mode & 0o777 == 0o600


@pytest.mark.fleet
def test_without_a_certificate_nothing_is_to_be_had(secured: Fleet, tmp_path: Path) -> None:
    stranger = Command(tmp_path, {"VIMESH_ADDRESS": secured.address})

    done = stranger("vim", "list")

    assert done.code == 5
    assert "may require a valid certificate" in done.err
    assert "VIMESH_CREDENTIALS" in done.err
    for url in (f"https://{secured.address}/v1/vims", f"https://{secured.address}/v1.0/vims"):
        refused = subprocess.run(
            ["curl", "--silent", "--insecure", "--write-out", "%{http_code}", url],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        ).stdout
        assert refused.endswith("401"), refused


@pytest.mark.fleet
def test_the_ready_block_of_a_secured_fleet_can_be_typed(secured: Fleet, tmp_path: Path) -> None:
    said = "\n".join(secured.lines)

    shown = re.search(r"export VIMESH_CREDENTIALS=(\S+)", said)
    assert shown is not None
    user = Command(tmp_path, {"VIMESH_ADDRESS": secured.address, "VIMESH_CREDENTIALS": shown[1]})
    assert user("vim", "list").code == 0
    (curl,) = [line for line in secured.lines if line.startswith("  curl ")]
    answer = subprocess.run(
        [*shlex.split(curl), "--silent"], capture_output=True, text=True, timeout=20, check=True
    ).stdout
    assert answer.startswith('{"vims":[')


@pytest.mark.fleet
def test_metrics_are_for_those_with_a_certificate_and_those_of_vims_for_people(secured: Fleet) -> None:
    shown = re.search(r"Metrics for Prometheus: https://(127\.0\.0\.1:\d+)/metrics", "\n".join(secured.lines))
    assert shown is not None
    certificates = FleetCertificates(secured.data_dir / "certs", "127.0.0.1")
    person, part = _shows(certificates.administrator), _shows(certificates.monitor)
    stranger = ssl.create_default_context(cafile=certificates.administrator / TRUSTED)

    seen = {
        (who, target): get(shown[1], target, tls=tls).status
        for who, tls in (("person", person), ("part", part))
        for target in ("/metrics", "/metrics/vims")
    }

    assert seen == {
        ("person", "/metrics"): 200,
        ("person", "/metrics/vims"): 200,
        ("part", "/metrics"): 200,
        ("part", "/metrics/vims"): 403,
    }
    for tls in (stranger, None):
        with pytest.raises((OSError, http.client.HTTPException)):
            get(shown[1], tls=tls)


def _shows(folder: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=folder / TRUSTED)
    context.load_cert_chain(folder / CERTIFICATE, folder / KEY)
    return context


@pytest.mark.fleet
def test_a_program_with_a_token_of_the_fleet_sees_its_project(secured: Fleet, tmp_path: Path) -> None:
    user = Command(tmp_path, {"VIMESH_ADDRESS": secured.address})
    certificates = secured.data_dir / "certs"
    made = user("certs", "token", "ci", "--role", "reader", "--project", "lab", "--dir", str(certificates))

    known = user("whoami", "--credentials", str(certificates / "tokens/ci"), "-o", "json")

    assert made.code == 0, made.err
    assert known.code == 0, known.err
    assert (known.json["identity"], known.json["roles"], known.json["projects"]) == (
        "spiffe://vimesh#ci",
        ["reader"],
        ["lab"],
    )


def test_a_fleet_that_asks_nobody_is_for_loopback_only(vimesh: Command) -> None:
    done = vimesh("up", "--insecure", "--listen", "0.0.0.0", "--port", "0")

    assert done.code == 1
    assert "--insecure: is for loopback addresses only, and 0.0.0.0 is none; omit it" in done.err


@pytest.mark.fleet
def test_a_fleet_that_asks_nobody_says_so(shared_fleet: Fleet) -> None:
    assert "--insecure: any user and program of this machine can change everything" in "\n".join(shared_fleet.lines)


def contents(certificates: FleetCertificates) -> list[bytes]:
    folders = (certificates.front, certificates.monitor, certificates.api, certificates.administrator)
    return [(folder / "tls.crt").read_bytes() for folder in folders]


def test_certificates_are_made_once_and_again_when_the_front_has_another_address(tmp_path: Path) -> None:
    certificates = FleetCertificates(tmp_path / "certs", "127.0.0.1")
    certificates.make()
    before = contents(certificates)
    certificates.make()
    assert contents(certificates) == before

    elsewhere = FleetCertificates(tmp_path / "certs", "192.0.2.7")
    elsewhere.make()

    assert [new == old for new, old in zip(contents(elsewhere), before, strict=True)] == [False, True, True, True]
    hosts = {str(each.identity): each.hosts for each in CertificateFolder(tmp_path / "certs").entries()}
    assert "192.0.2.7" in hosts["spiffe://vimesh/front/local"]


def test_certificates_that_were_revoked_or_are_due_are_replaced(tmp_path: Path) -> None:
    folder = CertificateFolder(tmp_path / "certs")
    folder.init("vimesh", NOW - timedelta(days=100))
    api, monitor = (SpiffeId("vimesh", role, "local") for role in (Role.API, Role.MONITOR))
    folder.issue(api, (), timedelta(days=120), NOW - timedelta(days=100))
    folder.issue(monitor, (), timedelta(days=90), NOW)
    folder.revoke(monitor, NOW)
    before = [(folder.folder_of(each) / "tls.crt").read_bytes() for each in (api, monitor)]

    FleetCertificates(tmp_path / "certs", "127.0.0.1").make()

    after = [(folder.folder_of(each) / "tls.crt").read_bytes() for each in (api, monitor)]
    assert [new == old for new, old in zip(after, before, strict=True)] == [False, False]


def test_an_authority_that_cannot_be_read_is_not_replaced(tmp_path: Path) -> None:
    FleetCertificates(tmp_path / "certs", "127.0.0.1").make()
    key = tmp_path / "certs" / "authority" / "ca.key"
    key.unlink()
    key.write_text("?")

    with pytest.raises(Failure, match="cannot be used: it cannot be read"):
        FleetCertificates(tmp_path / "certs", "192.0.2.7").make()

    assert key.read_text() == "?"
