"""Two faults and a single outage at a real conductor, which names them, and what a receiver is told of them."""

from __future__ import annotations

from tests.support.causes.lost_vims import become, find_again, hosts, lose, registered
from tests.support.deployments.conductors import Client
from tests.support.notifier.running_notifier import Endpoint, create_receiver, notifier_at
from tests.support.timing.waiting import eventually
from vimesh.domain.vims import Status
from vimesh.store.sql_store import SqlStore
from vimesh.v1 import fleet_service_pb2

WITHIN_S = 30


async def test_one_cause_is_one_notification(client: Client, store: SqlStore) -> None:
    receiver = await create_receiver(client.channel, group_by=["cause"])
    router = await registered(store, *hosts("198.51.100", 5))
    switch = await registered(store, *hosts("203.0.113", 4))
    single, *healthy = await registered(store, *hosts("192.0.2", 6))
    await become(store, [*router, *switch, single, *healthy], Status.REACHABLE, 1, ago_s=3600)
    await lose(store, router[:3], "TIMEOUT")
    await lose(store, router[3:], "HOST_UNREACHABLE")
    await lose(store, [*switch, single], "TIMEOUT")

    async def are_named() -> bool:
        request = fleet_service_pb2.ListCausesRequest()
        causes = (await client.fleet.ListCauses(request, timeout=WITHIN_S)).causes
        return sorted(cause.affected_count for cause in causes) == [4, 5]

    await eventually(are_named, WITHIN_S)
    pager = Endpoint()
    async with notifier_at(client.address, "one", {receiver.name: pager}):
        problems = await pager.until(3)
        await find_again(store, router)
        await pager.until(4)

    told = {one.group["cause"]: {change.vim_id for change in one.changes} for one in problems}
    assert told == {
        "NETWORK 198.51.100.0/24": {vim.id for vim in router},
        "NETWORK 203.0.113.0/24": {vim.id for vim in switch},
        "": {single.id},
    }
    end = pager.arrivals[3][1]
    assert end.group["cause"] == "NETWORK 198.51.100.0/24"
    assert {change.vim_id for change in end.changes} <= {vim.id for vim in router}
    assert {str(change.kind) for change in end.changes} == {"RESOLVED"}
