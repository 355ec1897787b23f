"""A VIM without its secrets, as a program may log it, is what the fleet shows of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.deployments.conductors import conductor_at
from vimesh.client import AsyncClient, Vim, masked, struct

_VIM = Vim(
    name="lab",
    type="openstack",
    auth_url="http://somebody:secret-1@192.0.2.1/v3?token=secret-2",
    auth_cred=struct({"username": "nfv", "password": "secret-3", "pin": 4, "nested": {"key": "secret-5"}}),
    vim_project=struct({"name": "nfv", "api_key": "secret-6"}),
    extra=struct({"rack": [1, None], "tokens": ["secret-7"], "site": "eu"}),
    labels={"region": "eu"},
)
_FIELDS = ("name", "type", "auth_url", "auth_cred", "vim_project", "extra", "labels")


async def test_what_is_masked_is_what_the_fleet_masks(tmp_path: Path) -> None:
    async with (
        conductor_at(tmp_path / "vimesh.sqlite") as conductor,
        AsyncClient.connect(conductor.address, environment={}) as client,
    ):
        stored = await client.vims.register(_VIM)

    shown = masked(_VIM)

    assert "secret" not in str(shown)
    assert [getattr(shown, name) for name in _FIELDS] == [getattr(stored, name) for name in _FIELDS]
    assert shown.auth_cred["username"] == "nfv"
    assert "secret-3" in str(_VIM), "the VIM itself keeps them"


@pytest.mark.parametrize("url", ["http://a:secret@192.0.2.1:99999999/v3", "secret\n", "http://[secret"])
def test_a_url_that_cannot_be_read_is_masked_as_a_whole(url: str) -> None:
    assert masked(Vim(auth_url=url)).auth_url == "***"


def test_what_is_not_set_stays_so() -> None:
    assert masked(Vim(name="lab")) == Vim(name="lab")
