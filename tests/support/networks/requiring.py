"""Checks what a test needs of the machine."""

from __future__ import annotations

import os

import pytest

from tests.support.networks.namespaces import why_not


def require_namespaces() -> None:
    """Skip the test if a developer is not root; in CI, nothing is skipped."""
    if why := why_not():
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
