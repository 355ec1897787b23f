from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.support.networks.namespaces import Namespace, namespace
from tests.support.networks.requiring import require_namespaces


@pytest.fixture
def machine() -> Generator[Namespace]:
    require_namespaces()
    with namespace() as made:
        yield made
