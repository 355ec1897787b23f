"""Link-local addresses: their zone names an interface, whatever number that has at the time."""

from __future__ import annotations

import json

import pytest

from tests.support.networks.namespaces import Namespace
from tests.support.probers.actions import quick_policy
from tests.support.probers.prober import prober_in
from vimesh.domain.probing import Method, Reason
from vimesh.domain.vims import Status

FAR = "fe80::2"


def plug_in(machine: Namespace) -> int:
    """Connect two interfaces of the machine; return the number of the near one."""
    machine.run("ip", "link", "add", "near0", "type", "veth", "peer", "name", "far0")
    for interface, address in (("near0", "fe80::1"), ("far0", FAR)):
        machine.run("ip", "link", "set", interface, "addrgenmode", "none")
        machine.run("ip", "link", "set", interface, "up")
        machine.run("ip", "address", "add", f"{address}/64", "dev", interface, "nodad")
    return int(json.loads(machine.run("ip", "-json", "link", "show", "near0"))[0]["ifindex"])


@pytest.mark.parametrize("zone", ["%25near0", "%near0"])
async def test_an_interface_that_comes_back_with_another_number_is_used_again(machine: Namespace, zone: str) -> None:
    number = plug_in(machine)
    async with prober_in(machine) as prober:
        prober.start("vim", f"http://[{FAR}{zone}]:5000/v3", quick_policy(Method.PING))
        await prober.until_status("vim", Status.REACHABLE)

        machine.run("ip", "link", "delete", "near0")
        gone = await prober.until_status("vim", Status.UNKNOWN)
        assert gone.reason == Reason.LOCAL_NO_ROUTE
        # Another interface takes the number of the old one.
        machine.run("ip", "link", "add", "other0", "index", str(number), "type", "veth", "peer", "name", "other1")
        assert plug_in(machine) != number

        await prober.until_status("vim", Status.REACHABLE)
    assert [told.status for told in prober.told] == [Status.REACHABLE, Status.UNKNOWN, Status.REACHABLE]
