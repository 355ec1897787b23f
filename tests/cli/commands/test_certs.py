from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.callers.commands import Command


@pytest.fixture
def certs(vimesh: Command) -> Command:
    """Give the command with an authority in ./certs."""
    assert vimesh("certs", "init").code == 0
    return vimesh


def test_what_a_fleet_needs_is_made_with_three_commands(vimesh: Command, tmp_path: Path) -> None:
    made = vimesh("certs", "init", "--trust-domain", "mesh.example.org")
    front = vimesh("certs", "issue", "front", "f1", "--host", "front.example.org", "--host", "192.0.2.7")
    monitor = vimesh("certs", "issue", "monitor", "m1", "--lifetime", "12h")

    assert "created the authority of mesh.example.org in certs/authority; keep ca.key to yourself" in made.out
    assert front.out.startswith("issued spiffe://mesh.example.org/front/f1, valid until ")
    assert monitor.out.endswith(": certs/monitor/m1\n")
    listed = json.loads(vimesh("certs", "list", "-o", "json").out)
    assert [(each["identity"], each["state"], each["hosts"]) for each in listed] == [
        ("spiffe://mesh.example.org/front/f1", "VALID", ["front.example.org", "192.0.2.7"]),
        ("spiffe://mesh.example.org/monitor/m1", "VALID", []),
    ]
    assert {path.name for path in (tmp_path / "certs" / "monitor" / "m1").glob("[!.]*")} == {
        "tls.crt",
        "tls.key",
        "ca.crt",
    }


def test_a_front_is_reached_at_this_machine_unless_said_otherwise(certs: Command) -> None:
    certs("certs", "issue", "front", "f1")

    (front,) = json.loads(certs("certs", "list", "-o", "json").out)
    assert {"localhost", "127.0.0.1", "::1"} < set(front["hosts"])


def test_a_life_of_a_certificate(certs: Command) -> None:
    certs("certs", "issue", "monitor", "m1")

    again = certs("certs", "issue", "monitor", "m1")
    nothing = certs("certs", "renew")
    renewed = certs("certs", "renew", "monitor", "m1")
    revoked = certs("certs", "revoke", "monitor", "m1")
    listed = certs("certs", "list")
    gone = certs("certs", "revoke", "monitor", "m1")
    too_late = certs("certs", "renew", "monitor", "m1")

    assert (again.code, "hint: vimesh certs list" in again.err) == (1, True)
    assert nothing.out == "no certificate is due\n"
    assert renewed.out.startswith("renewed spiffe://vimesh/monitor/m1")
    assert revoked.out == "revoked 2 certificates of spiffe://vimesh/monitor/m1; the list is certs/trust/crl.pem\n"
    assert "REVOKED" in listed.out
    assert (gone.code, too_late.code) == (3, 3)
    assert "hint: vimesh certs issue" in too_late.err


def test_other_authorities_are_trusted(certs: Command) -> None:
    certs("certs", "init", "--dir", "other")

    added = certs("certs", "trust", "other/trust/ca.crt")
    again = certs("certs", "trust", "other/trust/ca.crt")
    missing = certs("certs", "trust", "nowhere.crt")
    endless = certs("certs", "trust", "/dev/zero")

    assert added.out == "added 1 authority to certs/trust/ca.crt\n"
    assert again.out == "added 0 authorities to certs/trust/ca.crt\n"
    assert missing.err == "error: nowhere.crt cannot be read: No such file or directory\n"
    assert (endless.code, "larger than 1048576 bytes" in endless.err) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("issue", "king", "m1"), 1, "a role is one of front, conductor"),
        (("issue", "monitor", "m/1"), 1, "a name consists of"),
        (("issue", "monitor", "m1", "--lifetime", "soon"), 2, "--lifetime: must be a duration"),
        (("issue", "monitor", "m1", "--lifetime", "1s"), 2, "at least 1m"),
        (("issue", "monitor", "m1", "--lifetime", "3000000d"), 1, ""),
        (("issue", "front", "f1", "--host", "ü"), 1, "neither an IP address nor a host name"),
        (("renew", "monitor"), 2, "NAME: is required"),
        (("list", "-o", "xml"), 2, "--output: must be one of table, wide, name"),
        (("init",), 1, "has an authority already"),
        (("list", "--dir", "nowhere"), 3, "hint: vimesh certs init --dir nowhere"),
    ],
)  # fmt: skip
def test_errors_say_what_is_wrong(certs: Command, arguments: tuple[str, ...], code: int, words: str) -> None:
    done = certs("certs", *arguments)

    assert words in done.err
    assert "Traceback" not in done.err
    assert done.code == (0 if not words else code)


def test_a_token_for_a_program_is_made_with_one_command(certs: Command, tmp_path: Path) -> None:
    made = certs("certs", "token", "ci", "--role", "operator", "--project", "lab", "--lifetime", "12h")
    newer = certs("certs", "token", "ci", "--role", "admin", "--new-key")

    assert made.out.startswith("issued spiffe://vimesh#ci, valid until ")
    assert made.out.endswith(" UTC: certs/tokens/ci\n")
    assert newer.code == 0, newer.err
    assert {path.name for path in (tmp_path / "certs/tokens/ci").glob("[!.]*")} == {"token", "ca.crt"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--role", "driver", "--project", "a"), "--role: must be one of reader, operator, admin, reporter"),
        (("--role", "operator"), "--project: is required, because only an admin has all projects"),
        (("--role", "operator", "--project", "a,b"), "--project: must be printable ASCII without spaces and commas"),
        (("--role", "admin", "--lifetime", "367d"), "--lifetime: must be at most 366d"),
    ],
)
def test_a_token_that_the_front_would_not_understand_is_not_made(
    certs: Command, arguments: tuple[str, ...], says: str
) -> None:
    done = certs("certs", "token", "ci", *arguments)

    assert (done.code, says in done.err) == (2, True)
