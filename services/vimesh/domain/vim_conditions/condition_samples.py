"""Defines what metrics say of conditions and certificates."""

from __future__ import annotations

from typing import NamedTuple

from vimesh.domain.conditions.conditions import ConditionStatus


class ConditionSample(NamedTuple):
    """A condition as it was seen last; that of a certificate as it reads now."""

    number: int
    """That of its VIM: see `VimSample`."""
    type: str
    status: ConditionStatus


class CertificateSample(NamedTuple):
    """The certificate that a VIM showed last."""

    number: int
    not_after: int
    """When it ends, in microseconds since 1970."""
