"""Fleets have names, and what is for one of them is shown to no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.callers.commands import Command
from vimesh.cli.base.client_settings import ClientSettings, client_settings
from vimesh.cli.base.exits import Failure
from vimesh.client.credentials.profiles import read_profiles
from vimesh.domain.errors import BadSetting
from vimesh.domain.settings import BadFlag

CERTIFIED = """
current: lab
profiles:
  lab: {address: 'lab.example:7600', credentials: /etc/lab}
  site: {address: 'site.example:7600', credentials: relative/site}
  people: {address: 'mesh.example:7600', issuer: 'https://idp.example', client_id: vimesh}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder of a user's profiles, of which `lab` is the current one."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    made = tmp_path / "vimesh"
    made.mkdir()
    (made / "config.yaml").write_text(CERTIFIED)
    return made


def settings(
    profile: str | None = None, address: str | None = None, credentials: str | None = None
) -> tuple[str, Path | None]:
    made: ClientSettings = client_settings(
        None, profile=profile, address=address, credentials=credentials, call_timeout=None, output=None
    )
    return made.address, made.credentials


def test_flags_win_over_the_environment_and_that_over_a_profile(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings() == ("lab.example:7600", Path("/etc/lab"))
    assert settings("site") == ("site.example:7600", folder / "relative/site")
    monkeypatch.setenv("VIMESH_PROFILE", "site")
    assert settings() == ("site.example:7600", folder / "relative/site")
    assert settings("lab") == ("lab.example:7600", Path("/etc/lab"))
    monkeypatch.setenv("VIMESH_CREDENTIALS", "/etc/mine")
    assert settings() == ("site.example:7600", Path("/etc/mine"))
    assert settings(credentials="/etc/flag") == ("site.example:7600", Path("/etc/flag"))


def test_what_is_for_one_front_is_shown_to_no_other(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert folder.exists()
    assert settings(address="evil.example:7600") == ("evil.example:7600", None)
    assert settings("people", address="evil.example:7600") == ("evil.example:7600", None)
    monkeypatch.setenv("VIMESH_ADDRESS", "evil.example:7600")
    assert settings() == ("evil.example:7600", None)


def test_without_profiles_a_fleet_beside_its_data_is_found(folder: Path) -> None:
    (folder / "config.yaml").unlink()
    data = folder.parent / ".vimesh"
    data.mkdir()
    (data / "fleet.json").write_text('{"address": "127.0.0.1:7600", "credentials": "/own"}')

    assert settings() == ("127.0.0.1:7600", Path("/own"))
    assert settings(address="localhost:7600") == ("localhost:7600", None)


def test_a_profile_with_an_issuer_takes_a_login(folder: Path) -> None:
    with pytest.raises(Failure, match="not logged in to profile people") as failed:
        settings("people")
    assert failed.value.hint == "vimesh login --profile people"
    login = folder / "logins/people"
    login.mkdir(parents=True)
    (login / "login.json").write_text("{}")

    assert settings("people") == ("mesh.example:7600", login)


def test_a_profile_that_is_not_there_is_an_error(folder: Path) -> None:
    with pytest.raises(BadSetting, match="has no profile other; vimesh profile list shows all"):
        settings("other")
    with pytest.raises(BadFlag, match="--profile: must be the name of a profile"):
        settings("../other")
    assert folder.exists()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[]", "the file must be a mapping"),
        ("profile: {}", "must hold current and profiles, and nothing else"),
        ("current: x", "current is the name of no profile"),
        ("profiles: {../x: {}}", "must be the name of a profile"),
        ("profiles: {x: {adress: y}}", "x: adress is unknown; known keys: address, "),
        ("profiles: {x: {address: y}}", "x: address must be host:port"),
        ("profiles: {x: {address: [y]}}", "x: address must be a text"),
        ("profiles: {x: {issuer: 'http://idp.example', client_id: c}}", "x: issuer must be an https URL"),
        ("profiles: {x: {issuer: 'https://idp.example'}}", "x: client_id is required"),
        ("profiles: {x: {issuer: 'https://i', client_id: c, credentials: /c}}", "x: credentials cannot be used with"),
        ("profiles: {x: {ca: /c}}", "x: ca is only for a profile with an issuer"),
        ("profiles: {x: {issuer: 'https://i', client_id: c, resource: mesh}}", "x: resource must be an absolute URI"),
        ("profiles: {x: &a [*a]}", "line 1"),
        ("x" * 70_000, "is larger than 65536 bytes"),
    ],
)
def test_a_file_that_says_something_else_is_refused(folder: Path, content: str, says: str) -> None:
    (folder / "config.yaml").write_text(content)

    with pytest.raises(BadSetting, match=says):
        read_profiles(folder)


def test_profiles_are_made_chosen_and_removed(vimesh: Command) -> None:
    empty = vimesh("profile", "list")
    first = vimesh("profile", "set", "lab", "--address", "lab.example:7600", "--credentials", "certs/ann")
    second = vimesh("profile", "set", "mesh", "--issuer", "https://idp.example", "--client-id", "vimesh")
    used = vimesh("profile", "use", "mesh")
    vimesh("profile", "set", "mesh", "--scope", "openid", "--resource", "urn:mesh", "--scope", "")
    listed = vimesh("profile", "list")

    assert empty.out.startswith("no profiles; make one with: vimesh profile set")
    assert (first.out, second.out) == ("set profile lab, the current one\n", "set profile mesh\n")
    assert used.out == "the current profile is mesh\n"
    assert listed.out.splitlines()[1:] == [
        f"         lab   lab.example:7600  {vimesh.folder / 'certs/ann'}",
        "*        mesh                    https://idp.example",
    ]
    file = vimesh.config_home / "vimesh/config.yaml"
    assert file.stat().st_mode & 0o777 == 0o600
    assert "scope" not in file.read_text()
    assert vimesh("profile", "delete", "mesh").code == 0
    assert vimesh("profile", "delete", "mesh").code == 1
    assert "current: ''" in file.read_text()


def test_what_a_profile_cannot_be_is_said(vimesh: Command) -> None:
    wrong = vimesh("profile", "set", "lab", "--address", "nowhere")
    both = vimesh("profile", "set", "lab", "--issuer", "https://i", "--client-id", "c", "--credentials", "c")
    unknown = vimesh("profile", "use", "lab")
    nobody = vimesh("login")

    assert (wrong.code, wrong.err) == (2, "error: --address: must be host:port, not 'nowhere'\n")
    assert (both.code, both.err) == (2, "error: --credentials: cannot be used with issuer\n")
    assert (unknown.code, "has no profile lab" in unknown.err) == (1, True)
    assert (nobody.code, "hint: vimesh profile set NAME --address" in nobody.err) == (1, True)


def test_a_profile_is_not_changed_while_its_user_is_logged_in(vimesh: Command) -> None:
    vimesh("profile", "set", "mesh", "--issuer", "https://idp.example", "--client-id", "vimesh")
    login = vimesh.config_home / "vimesh/logins/mesh"
    login.mkdir(parents=True)
    (login / "login.json").write_text("{}")

    changes = [vimesh("profile", "delete", "mesh"), vimesh("profile", "set", "mesh", "--address", "evil.example:1")]

    assert [(each.code, "hint: vimesh logout --profile mesh" in each.err) for each in changes] == [(1, True)] * 2
    assert "is not as vimesh login writes it" in vimesh("vim", "list").err
