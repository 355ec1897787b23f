"""Fuzzes what is read of certificates in a thread of its own: their names, their dates, and who issued them."""

from __future__ import annotations

from tests.fuzz.certificates_parser import PARSER as CERTIFICATES
from tests.fuzz.parser import Parser
from vimesh.domain.conditions.conditions import Certificate
from vimesh.monitor.conditions.certificate_reader import read_certificate

_LONGEST = 1024


def _read(data: bytes) -> None:
    """The first byte decides how much of the rest is the certificate itself; what follows was sent with it."""
    if not data:
        return
    end = 1 + (len(data) - 1) * data[0] // 255
    read = read_certificate([data[1:end], data[end:]])
    if not isinstance(read, Certificate):
        assert read.why.isprintable(), f"words that garble a terminal: {read.why!r}"
        return
    texts = (read.subject, read.issuer, *read.names, *read.chain_subjects)
    assert all(text.isprintable() and len(text) <= _LONGEST for text in texts), texts
    assert read.not_before.tzinfo is read.not_after.tzinfo is not None


PARSER = Parser(
    name="fields",
    read=_read,
    seeds=tuple(b"\xff" + seed[1:] for seed in CERTIFICATES.seeds),
    most_bytes=32 * 1024,
    limit_ms=100.0,
)
