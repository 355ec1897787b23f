"""A configuration file of an OpenStack service is read as these do, and no error repeats what is secret in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from vimesh.api.keystone.service_file import ServiceFile, read_service_file
from vimesh.domain.errors import BadSetting

ROOT = Path(__file__).parents[3]
SECRET = "correct horse battery staple"
LOGIN = f"auth_type = password\nauth_url = http://keystone:5000/v3\nusername = vimesh\npassword = {SECRET}\n"
GROUP = "[keystone_authtoken]\n"


def read(folder: Path, text: str) -> ServiceFile:
    file = folder / "tacker.conf"
    file.write_text(text)
    return read_service_file(file)


def test_callers_are_told_the_address_that_is_for_them(tmp_path: Path) -> None:
    assert read(tmp_path, GROUP + LOGIN).uri == "http://keystone:5000/v3"
    public = "www_authenticate_uri = https://cloud.example:5000\n"
    assert read(tmp_path, GROUP + LOGIN + public).uri == "https://cloud.example:5000"
    assert (
        read(tmp_path, GROUP + LOGIN + public.replace("www_authenticate", "auth")).uri == "https://cloud.example:5000"
    )


def test_the_example_in_the_documents_can_be_used(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("{}")
    (_, example, *_) = (ROOT / "docs" / "security.md").read_text().split("```ini\n")
    file = read(tmp_path, example.partition("```")[0])

    assert (file.uri, file.auth.auth_url) == ("https://cloud.example:5000/v3", "https://10.0.0.5:5000/v3")
    assert file.open_session().verify == "/etc/ssl/certs/ca-certificates.crt"


def test_other_options_of_the_service_are_left_alone(tmp_path: Path) -> None:
    more = "[DEFAULT]\ntransport_url = rabbit://a:b@c/\n[vim_monitor]\ncount = 1\n"

    assert read(tmp_path, more + GROUP + LOGIN).uri


def test_a_file_of_authorities_is_used(tmp_path: Path) -> None:
    session = read(tmp_path, f"{GROUP}{LOGIN}cafile = /etc/ca.crt\n").open_session()

    assert session.verify == "/etc/ca.crt"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "has no auth_type, such as auth_type = password"),
        (GROUP, "has no auth_type, such as auth_type = password"),
        (GROUP + LOGIN.replace("auth_type = password", "auth_type = nothing"), "is not valid: .*nothing"),
        (GROUP + "auth_type = password\nusername = vimesh\n", "lacks auth.url"),
        (f"{GROUP}{LOGIN}{SECRET}\n", "line 6 is neither a .group. nor an option = value"),
        (f"{GROUP}{LOGIN}user_domain_name = ${SECRET.split(maxsplit=1)[0]}\n", "write \\$\\$ for a \\$"),
        (f"{GROUP}{LOGIN}www_authenticate_uri = cloud.example\n", "needs www_authenticate_uri"),
        (f"{GROUP}{LOGIN}www_authenticate_uri = http://a:b@cloud.example\n", "a URL without user and fragment"),
        (f"{GROUP}{LOGIN}timeout = {SECRET}\n", "is not valid: ConfigFileValueError"),
        (f"{GROUP}{LOGIN}[oslo_policy]\npolicy_file = nowhere.yaml\n", "policy_file names a file that does not exist"),
    ],
)
def test_a_file_that_cannot_be_used_is_explained_without_its_secrets(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(BadSetting, match=why) as caught:
        read(tmp_path, text)

    assert SECRET.split(maxsplit=1)[0] not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"nowhere\.conf cannot be read: No such file"):
        read_service_file(tmp_path / "nowhere.conf")
    with pytest.raises(BadSetting, match="cannot be read: Is a directory"):
        read_service_file(tmp_path)
