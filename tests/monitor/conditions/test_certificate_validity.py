from __future__ import annotations

import datetime as dt

import pytest

from vimesh.domain.conditions.conditions import Certificate, ConditionStatus
from vimesh.monitor.conditions.certificate_reader import Unreadable
from vimesh.monitor.conditions.certificate_validity import Verification, certificate_condition, next_change

BEGIN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
END = dt.datetime(2026, 4, 1, tzinfo=dt.UTC)
WITHIN = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)
CERTIFICATE = Certificate("CN=a", "CN=b", ("a.test",), BEGIN, END, "0" * 64, (), None, "")
UNVERIFIED, VERIFIED = Verification(wanted=False), Verification(wanted=True)


def refused(code: int, words: str = "words") -> Verification:
    return Verification(wanted=True, code=code, error=words)


def test_without_verification_only_the_time_counts_and_that_is_said() -> None:
    condition = certificate_condition(CERTIFICATE, UNVERIFIED, WITHIN)

    assert (condition.type, condition.status, condition.reason) == ("CertificateValid", ConditionStatus.TRUE, "")
    assert condition.message == "valid until 2026-04-01 00:00:00Z; name and issuer are not verified: tls_verify is off"


@pytest.mark.parametrize("verification", [UNVERIFIED, VERIFIED, refused(18)])
def test_time_is_judged_first_and_by_our_own_clock(verification: Verification) -> None:
    before = certificate_condition(CERTIFICATE, verification, BEGIN - SECOND)
    after = certificate_condition(CERTIFICATE, verification, END)

    assert (before.status, before.reason) == (ConditionStatus.FALSE, "NOT_YET_VALID")
    assert (after.status, after.reason, after.message) == (
        ConditionStatus.FALSE,
        "EXPIRED",
        "it ended at 2026-04-01 00:00:00Z",
    )


@pytest.mark.parametrize(
    ("code", "reason"),
    [(18, "UNTRUSTED"), (20, "UNTRUSTED"), (62, "NAME_MISMATCH"), (64, "NAME_MISMATCH"), (77, "INVALID")],
)
def test_a_refusal_has_a_word(code: int, reason: str) -> None:
    condition = certificate_condition(CERTIFICATE, refused(code), WITHIN)

    assert (condition.status, condition.reason, condition.message) == (ConditionStatus.FALSE, reason, "words")


def test_an_issuer_that_has_ended_is_told_from_the_certificate_itself() -> None:
    condition = certificate_condition(CERTIFICATE, refused(10, "certificate has expired"), WITHIN)

    assert (condition.reason, condition.message) == ("EXPIRED", "that of an issuer: certificate has expired")


def test_nothing_is_claimed_of_what_cannot_be_read() -> None:
    condition = certificate_condition(Unreadable("why"), VERIFIED, WITHIN)

    assert (condition.status, condition.reason, condition.message) == (ConditionStatus.UNKNOWN, "UNREADABLE", "why")
    assert certificate_condition(Unreadable("why"), refused(19), WITHIN).reason == "UNTRUSTED"
    assert certificate_condition(None, UNVERIFIED, WITHIN).reason == "NO_CERTIFICATE"


def test_the_next_change_is_the_next_of_both_ends() -> None:
    assert next_change(CERTIFICATE, BEGIN - SECOND) == BEGIN
    assert next_change(CERTIFICATE, BEGIN) == END
    assert next_change(CERTIFICATE, END) is None
    assert next_change(Unreadable("why"), WITHIN) is None


def test_what_was_verified_is_told_apart_from_what_nobody_looked_at() -> None:
    assert [each.verified for each in (UNVERIFIED, VERIFIED, refused(18))] == [None, True, False]
