"""Watchers are woken for what was changed, and for nothing else."""

from __future__ import annotations

import pytest

from tests.support.deployments.conductors import Client
from vimesh.conductor.watches.event_feed import EventFeed
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_pb2 import Vim


async def test_a_check_wakes_no_watcher(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [(await client.register()).id for _ in range(3)]
    poke, pokes = EventFeed.poke, list[None]()

    def count_and_poke(feed: EventFeed) -> None:
        pokes.append(None)
        poke(feed)

    monkeypatch.setattr(EventFeed, "poke", count_and_poke)
    new = Vim(name="new", type="openstack", auth_url="http://192.0.2.1/")
    changed = Vim(id=ids[0], description="d")
    of_many, one = Vim(description="e"), ids[:1]

    for check in (True, False):
        await client.vims.RegisterVim(pb.RegisterVimRequest(vim=new, validate_only=check), timeout=30)
        await client.vims.ModifyVim(pb.ModifyVimRequest(vim=changed, validate_only=check), timeout=30)
        many = pb.ModifyVimsRequest(vim_ids=one, vim=of_many, validate_only=check)
        await client.vims.ModifyVims(many, timeout=30)
        await client.vims.DeregisterVim(pb.DeregisterVimRequest(vim_id=ids[1], validate_only=check), timeout=30)
        removal = pb.DeregisterVimsRequest(vim_ids=ids[2:], validate_only=check)
        await client.vims.DeregisterVims(removal, timeout=30)
        assert len(pokes) == (0 if check else 5)
