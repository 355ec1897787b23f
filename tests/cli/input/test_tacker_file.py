from __future__ import annotations

from pathlib import Path

import pytest

from vimesh.cli.client_files.expand_entries import read_document
from vimesh.cli.input import tacker_file
from vimesh.cli.input.tacker_file import TackerFileVim
from vimesh.domain.errors import BadSetting

OPENSTACK = {"auth_url": "http://10.0.0.5:5000/v3", "username": "u", "password": "'0123'", "project_name": "nfv"}
KUBERNETES = {"type": "kubernetes", "bearer_token": "t", "ssl_ca_cert": "None", "project_name": "default"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "vim.yaml"


def read(file: Path, keys: dict[str, str]) -> TackerFileVim:
    file.write_text("".join(f"{key}: {value}\n" for key, value in keys.items()))
    return tacker_file.parse(read_document(file), str(file))


def test_an_openstack_file_is_read_as_tackers_client_reads_it(file: Path) -> None:
    found = read(file, OPENSTACK)

    assert (found.type, found.auth_url) == ("openstack", "http://10.0.0.5:5000/v3")
    assert found.vim_project == {"name": "nfv", "project_domain_name": ""}
    assert found.auth_cred == {"username": "u", "password": "0123", "user_domain_name": "", "cert_verify": "True"}
    assert "0123" not in repr(found)


def test_a_kubernetes_file_keeps_the_certificate_and_what_else_was_noted(file: Path) -> None:
    pem = '"-----BEGIN CERTIFICATE-----\\nMII\\n-----END CERTIFICATE-----\\n"'
    found = read(file, {**KUBERNETES, "ssl_ca_cert": pem, "extra": "{helm: true}"})

    assert found.auth_cred["ssl_ca_cert"].splitlines()[1] == "MII"
    assert found.auth_cred["bearer_token"] == "t"
    assert found.extra == {"helm": True}
    assert found.vim_project == {"name": "default"}


@pytest.mark.parametrize("none", ["None", "null", "''"])
def test_no_certificate_is_the_text_none(file: Path, none: str) -> None:
    assert read(file, {**KUBERNETES, "ssl_ca_cert": none}).auth_cred["ssl_ca_cert"] == "None"


def test_a_kubernetes_file_may_hold_a_user_or_an_oidc_client_instead_of_a_token(file: Path) -> None:
    user = {"type": "kubernetes", "ssl_ca_cert": "None", "project_name": "p", "username": "u", "password": "w"}

    assert set(read(file, user).auth_cred) == {"username", "password", "ssl_ca_cert"}
    with pytest.raises(BadSetting, match="client_id: is missing"):
        read(file, {**user, "oidc_token_url": "https://id/token"})
    oidc = read(file, {**user, "oidc_token_url": "https://id/token", "client_id": "c"})
    assert set(oidc.auth_cred) == {"username", "password", "oidc_token_url", "client_id", "ssl_ca_cert"}


@pytest.mark.parametrize(
    ("verify", "taken"),
    [("True", "True"), ("'False'", "False"), ("false", "False"), ("'true'", "True"), ("no", "False"), ("0", "False")],
)
def test_cert_verify_may_be_a_text_or_a_boolean(file: Path, verify: str, taken: str) -> None:
    assert read(file, {**OPENSTACK, "cert_verify": verify}).auth_cred["cert_verify"] == taken


@pytest.mark.parametrize("written", ["12345", "0", "-7", "1.5"])
def test_a_number_without_quotes_is_taken_as_it_is_written(file: Path, written: str) -> None:
    assert read(file, {**OPENSTACK, "password": written}).auth_cred["password"] == written


def test_one_domain_may_stand_for_both(file: Path) -> None:
    found = read(file, {**OPENSTACK, "domain_name": "nfv", "user_domain_name": "people"})

    assert found.vim_project["project_domain_name"] == "nfv"
    assert found.auth_cred["user_domain_name"] == "people"
    assert not found.unknown


def test_a_certificate_that_is_missing_is_the_text_none(file: Path) -> None:
    found = read(file, {key: value for key, value in KUBERNETES.items() if key != "ssl_ca_cert"})

    assert found.auth_cred["ssl_ca_cert"] == "None"


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ({key: value for key, value in OPENSTACK.items() if key != "password"}, "password: is missing"),
        ({key: value for key, value in OPENSTACK.items() if key != "project_name"}, "project_name: is missing"),
        ({key: value for key, value in KUBERNETES.items() if key != "bearer_token"}, "bearer_token: is missing"),
        ({**OPENSTACK, "password": "012345"}, "password: is read as a number that can be written in several ways"),
        ({**OPENSTACK, "password": "2026-01-01"}, "password: is read as a date: write it in quotes"),
        ({**OPENSTACK, "password": "yes"}, "password: is read as true or false: write it in quotes"),
        ({**OPENSTACK, "password": "[a]"}, "password: must be a string"),
        ({**OPENSTACK, "type": "vmware"}, "type: must be openstack or kubernetes"),
        ({**OPENSTACK, "cert_verify": "perhaps"}, "cert_verify: must be True or False"),
        ({**KUBERNETES, "extra": "text"}, "extra: must be a mapping"),
    ],
)
def test_what_is_wrong_is_named_with_the_file_and_the_key(file: Path, keys: dict[str, str], complaint: str) -> None:
    with pytest.raises(BadSetting, match=complaint) as caught:
        read(file, keys)

    assert str(file) in str(caught.value)


def test_a_file_that_is_no_yaml_is_told_without_quoting_it(file: Path) -> None:
    file.write_text("username: u\npassword: 'secret\n")

    with pytest.raises(BadSetting, match="line 3: cannot be read as YAML") as caught:
        read_document(file)

    assert "secret" not in str(caught.value)


def test_unknown_keys_are_named(file: Path) -> None:
    assert read(file, {**OPENSTACK, "passwrod": "x"}).unknown == ("passwrod",)
