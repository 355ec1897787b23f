"""Programs get tokens that end, where there is no issuer for people."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from vimesh.certificates.certificate_authority import BadAuthority
from vimesh.certificates.certificate_folder import AuthorityMissing, CertificateFolder
from vimesh.certificates.service_tokens import ServiceTokens
from vimesh.certificates.spiffe_ids import BadIdentity

NOW = datetime(2030, 1, 1, tzinfo=UTC)
MONTH = timedelta(days=30)


@pytest.fixture
def folder(tmp_path: Path) -> CertificateFolder:
    made = CertificateFolder(tmp_path / "certs")
    made.init("mesh.example", NOW)
    return made


def part(token: str, number: int) -> Any:  # noqa: ANN401 - what JSON holds
    text = token.split(".")[number]
    return json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def test_a_token_says_whose_it_is_for_what_and_until_when(folder: CertificateFolder) -> None:
    issued = ServiceTokens(folder).issue("ci", ["operator"], ["lab", "site"], MONTH, NOW)

    token = (issued.folder / "token").read_text()
    claims = part(token, 1)
    assert len(claims.pop("jti")) > 16
    assert claims == {
        "iss": "spiffe://mesh.example",
        "aud": ["vimesh"],
        "sub": "ci",
        "iat": NOW.timestamp(),
        "exp": (NOW + MONTH).timestamp(),
        "vimesh_roles": ["operator"],
        "vimesh_projects": ["lab", "site"],
    }
    assert (issued.identity, issued.expires_at) == ("spiffe://mesh.example#ci", NOW + MONTH)
    assert (issued.folder / "ca.crt").read_bytes() == folder.trusted()
    assert (issued.folder / "token").stat().st_mode & 0o777 == 0o600


def test_the_key_stays_and_its_name_is_in_the_tokens(folder: CertificateFolder) -> None:
    tokens = ServiceTokens(folder)
    tokens.prepare()
    key_set = tokens.key_set.read_bytes()
    issued = tokens.issue("ci", ["reader"], ["lab"], MONTH, NOW)
    folder.trust(folder.trusted(), NOW)  # writes the folder of the key set anew

    assert tokens.key_set.read_bytes() == key_set
    (key,) = json.loads(key_set)["keys"]
    assert part((issued.folder / "token").read_text(), 0) == {"alg": "ES256", "typ": "JWT", "kid": key["kid"]}
    assert "d" not in key

    tokens.replace_key()
    assert json.loads(tokens.key_set.read_bytes())["keys"][0]["kid"] != key["kid"]


def test_a_key_set_that_was_not_written_is_made_up_for(folder: CertificateFolder) -> None:
    tokens = ServiceTokens(folder)
    tokens.prepare()
    before = tokens.key_set.read_bytes()
    tokens.key_set.unlink()

    tokens.prepare()

    assert tokens.key_set.read_bytes() == before


def test_what_cannot_be_signed_is_refused(folder: CertificateFolder, tmp_path: Path) -> None:
    with pytest.raises(BadIdentity, match="a name consists of letters"):
        ServiceTokens(folder).issue("../ci", ["reader"], ["lab"], MONTH, NOW)
    with pytest.raises(AuthorityMissing):
        ServiceTokens(CertificateFolder(tmp_path / "none")).prepare()
    (folder.authority_folder / "token.key").write_text("?")
    with pytest.raises(BadAuthority, match=r"token\.key cannot be read"):
        ServiceTokens(folder).prepare()
