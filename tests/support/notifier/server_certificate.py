"""Gives servers of tests a certificate that the system trusts, or that is signed by an authority of their own."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from tests.support.clouds.authorities import Authority


def certified(folder: Path, monkeypatch: pytest.MonkeyPatch, address: str) -> ssl.SSLContext:
    """Return the context of a server at an address, whose authority the system trusts from now on."""
    context, authority = privately_certified(folder, address)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    return context


def privately_certified(folder: Path, address: str, name: str = "root") -> tuple[ssl.SSLContext, Authority]:
    """Return the context of a server at an address, and the authority that has signed its certificate."""
    authority = Authority(folder, name)
    signed = authority.sign(f"{name}-receiver", address)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(signed.certificate, signed.key)
    return context, authority
