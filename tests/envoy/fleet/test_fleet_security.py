"""What a fleet file may say about its callers, and what it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from vimesh.certificates.spiffe_ids import Role
from vimesh.domain.access.caller import CallerRole
from vimesh.domain.errors import BadSetting
from vimesh.envoy.fleet.fleet_file import parse
from vimesh.envoy.fleet.front_fleet import STDOUT
from vimesh.envoy.fleet.front_security import ROLES_OF_PARTS, FrontSecurity, TokenIssuer

ONE = "conductors: ['127.0.0.1:7611']\n"
FOLDERS = "certificate: /certs/front/f, trust: /certs/trust"
ISSUER = "issuer: 'https://idp', audiences: [vimesh]"


def fleet(security: str) -> str:
    return f"{ONE}security: {{{FOLDERS}{security}}}\n"


def issuers(text: str) -> str:
    return fleet(f", issuers: [{{{text}}}]")


def test_two_folders_are_enough() -> None:
    read = parse(fleet(""))

    assert read.security == FrontSecurity(Path("/certs/front/f"), Path("/certs/trust"))
    assert read.access_log == STDOUT


def test_all_of_it_can_be_said() -> None:
    security = parse(
        ONE
        + """
access_log: /log
security:
  certificate: /c
  trust: /t
  trust_domains: [vimesh, lab.example]
  revocation_list: false
  parts: {bridge: [reporter, operator], notifier: []}
  issuers:
    - {issuer: https://a, audiences: [vimesh, other], jwks_uri: "https://a:8443/keys", ca: /ca.pem, roles_claim: roles}
    - {issuer: b, audiences: [x], jwks_uri: "http://[::1]:80/keys"}
    - issuer: c
      audiences: [x]
      jwks_file: /keys/c.json
      roles_claim: [realm_access, roles]
      projects_claim: "https://x/projects"
      roles: {ops: operator, "all of it": admin}
"""
    ).security

    assert security == FrontSecurity(
        Path("/c"),
        Path("/t"),
        trust_domains=("vimesh", "lab.example"),
        revocation_list=False,
        parts={
            **ROLES_OF_PARTS,
            "bridge": frozenset({CallerRole.REPORTER, CallerRole.OPERATOR}),
            "notifier": frozenset(),
        },
        issuers=(
            TokenIssuer(
                *("https://a", ("vimesh", "other"), "https://a:8443/keys"), ca=Path("/ca.pem"), roles_claim=("roles",)
            ),
            TokenIssuer("b", ("x",), "http://[::1]:80/keys"),
            TokenIssuer(
                *("c", ("x",), None, Path("/keys/c.json")),
                roles_claim=("realm_access", "roles"),
                projects_claim=("https://x/projects",),
                grants={"ops": CallerRole.OPERATOR, "all of it": CallerRole.ADMIN},
            ),
        ),
    )


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        (ONE + "security: true", "security"),
        (ONE + "security: {}", "security.certificate"),
        (ONE + "security: {certificate: /c}", "security.trust"),
        (ONE + "security: {certificate: certs, trust: /t}", "security.certificate"),
        (fleet(", certificates: /x"), "security.certificates"),
        (fleet(", revocation_list: 'no'"), "security.revocation_list"),
        (fleet(", trust_domains: []"), "security.trust_domains"),
        (fleet(", trust_domains: [Vimesh]"), "security.trust_domains[0]"),
        (fleet(', trust_domains: ["a/b"]'), "security.trust_domains[0]"),
        (fleet(", parts: {cli: [admin]}"), "security.parts.cli"),
        (fleet(", parts: {front: [admin]}"), "security.parts.front"),
        (fleet(", parts: {monitor: [root]}"), "security.parts.monitor"),
        (fleet(", parts: {monitor: reporter}"), "security.parts.monitor"),
        (fleet(f", issuers: [{', '.join(['{}'] * 17)}]"), "security.issuers"),
        (issuers("audiences: [a], jwks_file: /k"), "security.issuers[0].issuer"),
        (issuers("issuer: a, jwks_file: /k"), "security.issuers[0].audiences"),
        (issuers("issuer: a, audiences: [], jwks_file: /k"), "security.issuers[0].audiences"),
        (issuers("issuer: a, audiences: a, jwks_file: /k"), "security.issuers[0].audiences"),
        (issuers(ISSUER), "security.issuers[0]"),
        (issuers(f"{ISSUER}, jwks_file: /k, jwks_uri: 'https://a/k'"), "security.issuers[0]"),
        (issuers(f"{ISSUER}, jwks_file: keys"), "security.issuers[0].jwks_file"),
        (issuers(f"{ISSUER}, jwks_uri: 'http://idp/keys'"), "security.issuers[0].jwks_uri"),
        (issuers(f"{ISSUER}, jwks_uri: 'https://u:p@idp/keys'"), "security.issuers[0].jwks_uri"),
        (issuers(f"{ISSUER}, jwks_uri: 'https://idp:x/keys'"), "security.issuers[0].jwks_uri"),
        (issuers(f"{ISSUER}, jwks_uri: 'file:///keys'"), "security.issuers[0].jwks_uri"),
        (issuers(f"{ISSUER}, jwks_file: /k, roles_claim: []"), "security.issuers[0].roles_claim"),
        (issuers(f"{ISSUER}, jwks_file: /k, roles_claim: [7]"), "security.issuers[0].roles_claim"),
        (issuers(f"{ISSUER}, jwks_file: /k, roles: [admin]"), "security.issuers[0].roles"),
        (issuers(f"{ISSUER}, jwks_file: /k, roles: {{a: driver}}"), "security.issuers[0].roles"),
        (issuers(f"{ISSUER}, jwks_file: /k, roles: {{a: root}}"), "security.issuers[0].roles.a"),
        (issuers('issuer: "a\\nb", audiences: [a], jwks_file: /k'), "security.issuers[0].issuer"),
        (fleet(", issuers: [" + ", ".join([f"{{{ISSUER}, jwks_file: /k}}"] * 2) + "]"), "security.issuers"),
        (fleet("") + "admin: {port: 7609}", "admin.port"),
    ],
)
def test_what_cannot_be_is_named(text: str, setting: str) -> None:
    with pytest.raises(BadSetting) as raised:
        parse(text)

    assert str(raised.value).startswith(f"{setting}: ")


def test_a_log_can_be_turned_off() -> None:
    assert parse(fleet("") + "access_log: false").access_log is None
    assert parse(fleet("") + "access_log: /log").access_log == "/log"
    assert parse(ONE).access_log is None


def test_each_role_of_a_certificate_is_thought_of() -> None:
    assert set(ROLES_OF_PARTS) == set(Role) - {Role.FRONT, Role.CONDUCTOR, Role.CLI}
