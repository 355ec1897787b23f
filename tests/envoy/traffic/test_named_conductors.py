"""Conductors behind one name, as behind a headless Service of Kubernetes: Envoy follows what name servers say."""

from __future__ import annotations

import asyncio

from tests.envoy.scripted import Scripted, scripted
from tests.support.callers.caller import LIMIT_S, ask
from tests.support.deployments.envoys import RunningEnvoy, running_envoy
from tests.support.networks.name_server import name_server
from vimesh.envoy.fleet.front_fleet import ClusterName

NAME = "conductor.test"
SECOND = "127.0.0.2"
_CARES = "type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig"


def _resolving_by(port: int) -> dict[str, str]:
    """Return what makes Envoy ask our name server instead of that of the machine, and often."""
    server = f"{{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}"
    resolver = f"{{name: envoy.network.dns_resolver.cares, typed_config: {{'@type': {_CARES}, resolvers: [{server}]}}}}"
    family = "dns_lookup_family: V4_PREFERRED"
    return {
        family: f"{family}\n    typed_dns_resolver_config: {resolver}",
        "dns_refresh_rate: 5s": "dns_refresh_rate: 0.1s",
    }


async def _until_called(envoy: RunningEnvoy, conductor: Scripted) -> None:
    """Make calls until one has reached a conductor. Workers of Envoy hear a little later than its admin interface."""
    async with asyncio.timeout(LIMIT_S):
        while not conductor.calls:
            assert (await ask(envoy.address, "GET", "/v1/vims/some")).status == 200


async def test_the_addresses_of_a_name_come_and_go() -> None:
    with name_server() as names:
        async with scripted() as first, scripted(first.port, SECOND) as second:
            names.serve(NAME, second.host, ttl_s=1)
            async with running_envoy(ClusterName(NAME, first.port), instead=_resolving_by(names.port)) as envoy:
                await envoy.until_healthy([second.address])
                await _until_called(envoy, second)
                assert not first.calls

                names.serve(NAME, first.host, second.host, ttl_s=1)
                await envoy.until_healthy([first.address, second.address])
                names.serve(NAME, first.host, ttl_s=1)
                await envoy.until_healthy([first.address])
                await _until_called(envoy, first)


async def test_the_health_of_each_address_is_asked_at_the_port_for_that() -> None:
    with name_server() as names:
        async with (
            scripted() as first,
            scripted(first.port, SECOND),
            scripted() as healthy,
            scripted(healthy.port, SECOND) as ill,
        ):
            names.serve(NAME, first.host, SECOND, ttl_s=1)
            await ill.say_not_serving()
            named = ClusterName(NAME, first.port, healthy.port)
            async with running_envoy(named, instead=_resolving_by(names.port)) as envoy:
                await envoy.until_healthy([first.address])
