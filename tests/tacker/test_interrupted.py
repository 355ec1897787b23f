"""An import that ends before its time leaves whole VIMs, and the next one goes on."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.support.callers.running import Running, running
from tests.support.deployments.conductor_process import Conductor, conductor_in
from tests.support.timing.waiting import until
from tests.tacker.importing import results, take
from tests.tacker.site import Site

MANY, SOME = 400, 10


@pytest.fixture
def importing(own_conductor: Conductor, small_site: Site, tmp_path: Path) -> Generator[Running]:
    """Give an import that is under way, and not near its end."""
    small_site.many(MANY, "nfv")
    flags = ("--fernet-keys", str(small_site.keys), "--apply", "--concurrency", "1")
    address = {"VIMESH_ADDRESS": own_conductor.address}
    with running(tmp_path, "import", "tacker", "--database-url", small_site.url, *flags, **address) as command:
        asyncio.run(until(lambda: own_conductor.count() >= SOME, 20))
        yield command


@pytest.fixture
def own_conductor(tmp_path: Path) -> Generator[Conductor]:
    (folder := tmp_path / "conductor").mkdir()
    with conductor_in(folder) as serving:
        yield serving


def test_ctrl_c_ends_after_the_vim_that_is_under_way_and_says_how_far_it_came(
    importing: Running, own_conductor: Conductor, small_site: Site, tmp_path: Path
) -> None:
    importing.interrupt()

    assert importing.ended() == 130
    said = "\n".join(importing.lines)
    counts = re.search(r"400 VIMs: (\d+) imported, (\d+) not done", said)
    assert counts is not None, said
    assert int(counts[1]) == own_conductor.count()
    assert "error: interrupted" in said
    assert "Traceback" not in said
    again = take(own_conductor.user(tmp_path), small_site, "--apply")
    assert again.code == 0, again.err
    assert len(results(again)) == own_conductor.count() == MANY
    assert sum(what == "present" for what in results(again).values()) == int(counts[1])


def test_a_front_that_goes_away_ends_it_and_the_next_one_goes_on(
    importing: Running, own_conductor: Conductor, small_site: Site, tmp_path: Path
) -> None:
    own_conductor.process.kill()

    assert importing.ended() == 5
    said = "\n".join(importing.lines)
    assert re.search(r"400 VIMs: \d+ imported, \d+ not done", said), said
    # A registration was under way, or only a look: which one is chance.
    assert "is the fleet running?" in said or "the call may have succeeded" in said
    with conductor_in(own_conductor.folder) as back:
        again = take(back.user(tmp_path), small_site, "--apply")
        assert again.code == 0, again.err
        assert back.count() == MANY
