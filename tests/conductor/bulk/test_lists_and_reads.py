"""A list, which shares what many VIMs have alike, shows each VIM as a read of it alone does."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.support.deployments.conductors import Client
from vimesh.client import struct
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_pb2 import ProbePolicy, Vim
from vimesh.wire.wire_durations import duration

_COUNT = 120
_LONG = "x" * 600
"""So long that it is not shared."""
_VALUES: tuple[dict[str, Any], ...] = (
    {},
    {"regions": ["RegionOne", "RegionTwo"]},
    {"password": "s3cret", "site": "eu", "url": "http://a:b@192.0.2.1/?token=t0ken"},
    {"nested": {"api_key": "k3y", "list": [1.5, None, True, {"deep": []}]}, "empty": {}, "none": None},
    {"text": _LONG, "secret": _LONG},
    {"username": "nfv", "auth_url": "https://192.0.2.2", "number": 7, "umlaut": "ä\n\u2028"},
)


def random_vim(random: Random, number: int) -> Vim:
    vim = Vim(name=f"vim-{number:03}", type=random.choice(["openstack", "kubernetes"]))
    vim.auth_url = random.choice(["http://192.0.2.1/v3", "http://192.0.2.2/?password=p4ss"])
    for name in ("vim_project", "auth_cred", "placement_attr", "extra"):
        if random.random() < 0.8:
            values = random.choice(_VALUES)
            own = {"own": f"{number}"} if random.random() < 0.3 else {}
            getattr(vim, name).CopyFrom(struct({**values, **own}))
    for key in ("region", "rack"):
        if random.random() < 0.5:
            vim.labels[key] = random.choice(["eu", "us"])
    if random.random() < 0.5:
        policy = ProbePolicy(
            method=ProbePolicy.TCP, fall=random.choice([2, 5]), fail_for=duration(random.choice([0, 9]))
        )
        vim.probe_policy.CopyFrom(policy)
    return vim


async def test_each_vim_of_a_list_is_the_same_as_when_it_is_read_alone(client: Client) -> None:
    random = Random(7)
    for number in range(_COUNT):
        await client.vims.RegisterVim(pb.RegisterVimRequest(vim=random_vim(random, number)), timeout=30)

    # What the first one has left is used by the second.
    lists = [await client.vims.ListVims(pb.ListVimsRequest(page_size=_COUNT), timeout=30) for _ in range(2)]
    alone = [await client.get(vim.id) for vim in lists[0].vims]

    assert len(alone) == _COUNT
    for listed in lists:
        assert list(listed.vims) == alone
    assert not [word for word in ("s3cret", "t0ken", "k3y", "p4ss") if word in str(lists)]
