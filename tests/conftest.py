"""The order of the files: the longest come first, so that no worker is left alone with one of them at the end."""

from __future__ import annotations

from pathlib import Path

import pytest

_HERE = Path(__file__).parent
_LONG = (
    "fleet/test_walking.py",
    "api/test_workflows.py",
    "bridge/test_matrix.py",
    "bridge/test_old_actions.py",
    "api/test_audit.py",
    "tacker/test_import.py",
    "fleet",
    "bridge",
    "store/test_servers.py",
    "store/test_galera.py",
    "model",
    "tacker",
    "mistral",
    "engine",
    "api",
)
"""Files, and folders of files, that take the longest, the longest first."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--poolers", action="store_true", help="run all contracts of the store behind pgbouncer, too")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the order within a file, and that of all other files, as it is."""
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    path = item.path.relative_to(_HERE)
    return next((place for place, long in enumerate(_LONG) if path.is_relative_to(long)), len(_LONG))
