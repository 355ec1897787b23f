"""Judges a certificate: is it valid now, and by what is that known. Pure: the time is passed in."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Final, Self

from vimesh.domain.conditions.conditions import CERTIFICATE_VALID, Certificate, Condition, ConditionStatus
from vimesh.domain.vim_conditions.condition_rules import EXPIRED, expiry_message
from vimesh.monitor.conditions.certificate_reader import Unreadable, printable
from vimesh.monitor.probes.base.sightings import Handshake

# OpenSSL's X509_V_ERR_ numbers.
_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10
_REASONS: Final = {
    2: "UNTRUSTED",
    _NOT_YET_VALID: "NOT_YET_VALID",
    _EXPIRED: EXPIRED,
    18: "UNTRUSTED",
    19: "UNTRUSTED",
    20: "UNTRUSTED",
    21: "UNTRUSTED",
    23: "REVOKED",
    27: "UNTRUSTED",
    28: "UNTRUSTED",
    62: "NAME_MISMATCH",
    64: "NAME_MISMATCH",
}
_OTHERWISE: Final = "INVALID"
_LONGEST_ERROR: Final = 512


@dataclass(frozen=True, slots=True)
class Verification:
    """What OpenSSL came to in the handshake."""

    wanted: bool
    """Whether `tls_verify` is on; otherwise nobody looked at name and issuer."""
    code: int = 0
    """Why it refused the certificate, by OpenSSL's numbers; 0: it did not."""
    error: str = ""
    """The same in words."""

    @classmethod
    def of(cls, handshake: Handshake) -> Self:
        return cls(handshake.verifies, handshake.refusal_code, handshake.refusal)

    @property
    def verified(self) -> bool | None:
        return not self.code if self.wanted else None


def with_verification(certificate: Certificate, verification: Verification) -> Certificate:
    """Return a certificate with what OpenSSL came to."""
    return replace(
        certificate, verified=verification.verified, verify_error=printable(verification.error)[:_LONGEST_ERROR]
    )


def certificate_condition(
    certificate: Certificate | Unreadable | None, verification: Verification, now: dt.datetime
) -> Condition:
    """Return the condition CertificateValid at a time. `certificate`: None if the server has shown none."""
    if isinstance(certificate, Certificate):
        # By our own clock, first: a connection that is kept outlives its certificate.
        if now >= certificate.not_after:
            return _invalid(EXPIRED, expiry_message(certificate))
        if now < certificate.not_before:
            return _invalid("NOT_YET_VALID", f"it begins at {_moment(certificate.not_before)}")
    if verification.code:
        words = verification.error[:400]
        if verification.code in (_EXPIRED, _NOT_YET_VALID) and isinstance(certificate, Certificate):
            words = f"that of an issuer: {words}"
        return _invalid(_REASONS.get(verification.code, _OTHERWISE), words)
    if certificate is None:
        return _invalid("NO_CERTIFICATE", "the server has shown none")
    if isinstance(certificate, Unreadable):
        return Condition(CERTIFICATE_VALID, ConditionStatus.UNKNOWN, "UNREADABLE", certificate.why)
    until = f"valid until {_moment(certificate.not_after)}"
    how = "name and issuer verified" if verification.wanted else "name and issuer are not verified: tls_verify is off"
    return Condition(CERTIFICATE_VALID, ConditionStatus.TRUE, "", f"{until}; {how}")


def next_change(certificate: Certificate | Unreadable | None, now: dt.datetime) -> dt.datetime | None:
    """Return when the condition changes by time alone; None: never."""
    if not isinstance(certificate, Certificate):
        return None
    return next((each for each in (certificate.not_before, certificate.not_after) if each > now), None)


def _invalid(reason: str, message: str) -> Condition:
    return Condition(CERTIFICATE_VALID, ConditionStatus.FALSE, reason, message)


def _moment(time: dt.datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S}Z"
