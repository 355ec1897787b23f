from __future__ import annotations

import datetime as dt
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.clouds.authorities import Authority, Signed
from tests.support.clouds.targets import FakeApi, fake_api
from tests.support.probers.actions import action, quick_policy
from tests.support.probers.loopback_rules import loopback_settings
from tests.support.probers.told_conditions import ToldConditions
from tests.support.probers.verdicts import Verdicts
from vimesh.domain.conditions.conditions import ConditionStatus
from vimesh.domain.vims import Status
from vimesh.monitor.host.action_host import ActionHost
from vimesh.monitor.host.build_host import hosting

DAY = dt.timedelta(days=1)
LENIENT = quick_policy(timeout_s=2, interval_s=3)
VERIFYING = quick_policy(tls_verify=True, timeout_s=2, interval_s=3)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    made = Authority(tmp_path, "trusted")
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    return made


@pytest.fixture
async def observing(authority: Authority, verdicts: Verdicts) -> AsyncGenerator[ActionHost]:  # noqa: ARG001 - before the host, which reads it
    with hosting(verdicts.note, loopback_settings(conditions=True, kept_life_s=1.0)) as made:
        yield made


@asynccontextmanager
async def serving(signed: Signed) -> AsyncGenerator[FakeApi]:
    async with fake_api(tls=Authority.server_context(signed)) as api:
        yield api


async def test_a_valid_certificate_is_told_verified_or_not(observing: ActionHost, authority: Authority) -> None:
    told = ToldConditions(observing)
    async with serving(authority.sign("api", "127.0.0.1")) as api:
        observing.start(action(api.url, LENIENT, vim_id="lenient"))
        observing.start(action(api.url, VERIFYING, vim_id="verifying"))

        lenient, verifying = (
            await told.next("CertificateValid", "lenient"),
            await told.next("CertificateValid", "verifying"),
        )

    assert (lenient.status, verifying.status) == (ConditionStatus.TRUE, ConditionStatus.TRUE)
    assert "not verified" in lenient.message
    assert told.certificates["lenient"].verified is None
    assert told.certificates["verifying"].verified is True
    assert told.certificates["verifying"].issuer == "CN=trusted"
    assert told.certificates["verifying"].names == ("127.0.0.1",)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"valid_for": -DAY}, "EXPIRED"),
        ({"begins_in": DAY, "valid_for": 2 * DAY}, "NOT_YET_VALID"),
        ({"addresses": ("192.0.2.1",)}, "NAME_MISMATCH"),
    ],
)
async def test_a_certificate_that_is_refused_is_shown_all_the_same(
    observing: ActionHost, authority: Authority, verdicts: Verdicts, fault: dict[str, object], reason: str
) -> None:
    told = ToldConditions(observing)
    addresses: tuple[str, ...] = fault.pop("addresses", ("127.0.0.1",))  # type: ignore[assignment]  # by its name
    async with serving(authority.sign("api", *addresses, **fault)) as api:  # type: ignore[arg-type]  # by their names
        observing.start(action(api.url, VERIFYING))

        condition = await told.next("CertificateValid", "vim")
        verdict = await verdicts.until("vim", Status.UNREACHABLE)

    assert (condition.status, condition.reason) == (ConditionStatus.FALSE, reason)
    assert verdict.detail.startswith("certificate: ")
    certificate = told.certificates["vim"]
    assert (certificate.verified, certificate.subject) == (False, "CN=api")
    assert verdict.detail.endswith(certificate.verify_error)


async def test_an_unknown_authority_is_not_trusted(observing: ActionHost, tmp_path: Path) -> None:
    told = ToldConditions(observing)
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other", "other")
    async with serving(other.sign("api", "127.0.0.1")) as api:
        observing.start(action(api.url, VERIFYING))

        assert (await told.next("CertificateValid", "vim")).reason == "UNTRUSTED"


async def test_an_expired_one_is_told_where_nobody_verifies_it_and_the_vim_is_reachable(
    observing: ActionHost, authority: Authority, verdicts: Verdicts
) -> None:
    told = ToldConditions(observing)
    async with serving(authority.sign("api", "127.0.0.1", valid_for=-DAY)) as api:
        observing.start(action(api.url, LENIENT))

        assert (await told.next("CertificateValid", "vim")).reason == "EXPIRED"
        assert (await verdicts.until("vim", Status.REACHABLE)).status is Status.REACHABLE


async def test_a_renewed_certificate_is_seen(observing: ActionHost, authority: Authority) -> None:
    told = ToldConditions(observing)
    signed = authority.sign("api", "127.0.0.1", valid_for=-DAY)
    context = Authority.server_context(signed)
    async with fake_api(tls=context) as api:
        observing.start(action(api.url, quick_policy(timeout_s=0.4, interval_s=0.5)))
        expired = await told.next("CertificateValid", "vim")

        renewed = authority.sign("api", "127.0.0.1", valid_for=90 * DAY)
        context.load_cert_chain(renewed.certificate, renewed.key)
        condition = await told.next("CertificateValid", "vim", after=expired)

    assert (expired.reason, condition.status) == ("EXPIRED", ConditionStatus.TRUE)


async def test_plain_http_has_no_certificate_to_tell_of(
    observing: ActionHost, api: FakeApi, verdicts: Verdicts
) -> None:
    observing.start(action(api.url))
    await verdicts.until("vim", Status.REACHABLE)

    assert observing.conditions is not None
    assert not observing.conditions.book.take(10)
