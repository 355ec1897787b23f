"""A fleet can be made by hand, on one machine and on three, as the pages for operators say, and kept up."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.fleet_by_hand import FOLLOWED, PAGES, follow_one_machine, follow_three_machines, parts
from tests.support.networks.requiring import require_namespaces


def test_no_block_of_the_pages_is_left_out() -> None:
    assert {page: set(parts(page)) for page in PAGES} == FOLLOWED


@pytest.mark.fleet
@pytest.mark.timeout(1800)
async def test_the_pages_can_be_followed(tmp_path: Path) -> None:
    require_namespaces()
    await follow_one_machine(tmp_path / "one")
    await follow_three_machines(tmp_path / "three")
