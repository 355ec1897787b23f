"""What `vimesh console` is told wrongly is named before it serves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.callers.commands import Command

ISSUER, CLIENT = "--oidc-issuer=https://idp.example", "--oidc-client-id=console"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([ISSUER], "--oidc-client-id: is required"),
        ([CLIENT], "--oidc-issuer: is required"),
        (["--oidc-issuer=http://idp.example", CLIENT], "must be an https URL, or http on a loopback address"),
        (["--oidc-issuer=https://idp.example?a=b", CLIENT], "without a query"),
        ([ISSUER, CLIENT, "--oidc-origins=https://a.example http://b.example"], "must be an https URL"),
        ([ISSUER, CLIENT, "--oidc-origins=*"], "must be an https URL"),
        ([ISSUER, CLIENT, "--oidc-origins=https://a.example;script-src"], "--oidc-origins"),
        (["--oidc-issuer=https://a.example;script-src", CLIENT], "must name a host by letters"),
        ([ISSUER, CLIENT, '--oidc-scopes=openid "x"'], "scopes of OAuth 2.0"),
        (["--status-pages=pages.yaml"], "label of pages.a in pages.yaml: must be the key of a label"),
        (["--status-pages=none.yaml"], "none.yaml: No such file"),
        (["--listen=nowhere"], "--listen"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, flags: list[str], message: str) -> None:
    (tmp_path / "pages.yaml").write_text("pages: {a: {title: A}}")

    done = Command(tmp_path)("console", "--address", "127.0.0.1:9", *flags)

    assert done.code in {1, 2}
    assert message in done.err.replace("\n", " ")
