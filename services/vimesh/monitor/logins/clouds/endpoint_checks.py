"""Asks each service of a catalogue once, without credentials: what answers below 500 is there."""

from __future__ import annotations

import asyncio
import ssl
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Final

from vimesh.domain.conditions.conditions import Condition, ConditionStatus
from vimesh.domain.probing import Reason
from vimesh.monitor.logins.clouds.bounded_client import BoundedClient, Exchange, ExchangeFailed
from vimesh.monitor.logins.clouds.login_outcome import NOT_IN_CATALOG, endpoint_condition
from vimesh.monitor.logins.clouds.service_catalog import MAX_TYPES, ServiceCatalog, ServiceEndpoint
from vimesh.monitor.probes.base.prober import LocalFault

ANSWER_S: Final = 5.0
ALL_S: Final = 60.0
"""How long all endpoints of a catalogue may take together."""
_DRAIN_S: Final = 1.0
"""How long to wait for the rest of an answer, so that its connection can be used again."""
_AT_ONCE: Final = 8
"""Servers of one catalogue that are asked at the same time."""
_COMPUTE: Final = "compute"
"""A cloud without it runs no virtual machines, so it is missed even if it was never there."""
_BAD_URL: Final = "BAD_URL"

_TIMEOUT: Final = ExchangeFailed(Reason.TIMEOUT, f"no answer within {ANSWER_S:g} s")

_Failure = tuple[ExchangeFailed | LocalFault, ServiceEndpoint]
ContextOf = Callable[[], ssl.SSLContext]


async def check_endpoints(
    client: BoundedClient, catalog: ServiceCatalog, context_of: ContextOf, known_types: Sequence[str]
) -> list[Condition]:
    """Return a condition for each service: FALSE if one of its endpoints fails, in any region.

    `known_types`: the services of the catalogue before; those that are gone from it are missed once.
    """
    failures = await _failures(client, catalog.endpoints, context_of)
    found = [_condition(kind, failures.get(kind), catalog) for kind in catalog.types]
    missing = {_COMPUTE, *known_types} - set(catalog.types) if catalog.is_whole else set()
    return found + [
        endpoint_condition(kind, ConditionStatus.FALSE, NOT_IN_CATALOG, "the catalogue has no public endpoint of it")
        for kind in sorted(missing)[: MAX_TYPES - len(found) + 1]
    ]


async def _failures(
    client: BoundedClient, endpoints: Sequence[ServiceEndpoint], context_of: ContextOf
) -> dict[str, _Failure]:
    """Ask all endpoints; return, by service, one that failed."""
    by_server: dict[tuple[str, str, int], list[ServiceEndpoint]] = defaultdict(list)
    failures: dict[str, _Failure] = {}

    def note(endpoint: ServiceEndpoint, failure: ExchangeFailed | LocalFault) -> None:
        # A fault of ours says less than a failure of another region.
        if endpoint.type not in failures or isinstance(failures[endpoint.type][0], LocalFault):
            failures[endpoint.type] = failure, endpoint

    for endpoint in endpoints:
        target = endpoint.target
        by_server[target.scheme, target.host, target.port].append(endpoint)
    slots = asyncio.Semaphore(_AT_ONCE)

    async def ask(waiting: list[ServiceEndpoint]) -> None:
        async with slots:
            while waiting:
                await _ask_server(client, waiting, context_of, note)

    try:
        async with asyncio.timeout(ALL_S):
            await asyncio.gather(*(ask(waiting) for waiting in by_server.values()))
    except TimeoutError:
        late = LocalFault(Reason.LOCAL_RESOURCES, f"there was no time to ask it within {ALL_S:g} s")
        for waiting in by_server.values():
            for endpoint in waiting:
                note(endpoint, late)
    return failures


async def _ask_server(
    client: BoundedClient,
    waiting: list[ServiceEndpoint],
    context_of: ContextOf,
    note: Callable[[ServiceEndpoint, ExchangeFailed | LocalFault], None],
) -> None:
    """Ask for endpoints of one server over one connection, as long as it lasts; take out those that were asked."""
    async with AsyncExitStack() as scope:
        target = waiting[0].target
        try:
            context = context_of() if target.scheme == "https" else None
            async with asyncio.timeout(ANSWER_S):
                exchange = await scope.enter_async_context(client.connect(target, context))
        except (TimeoutError, ExchangeFailed, LocalFault) as error:
            failure = _TIMEOUT if isinstance(error, TimeoutError) else error
            while waiting:  # none of its services can be reached
                note(waiting.pop(0), failure)
            return
        while waiting and exchange.is_usable:
            endpoint = waiting.pop(0)
            if (failed := await _ask(exchange, endpoint)) is not None:
                note(endpoint, failed)
            if waiting:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_DRAIN_S):
                        await exchange.drain()


async def _ask(exchange: Exchange, endpoint: ServiceEndpoint) -> ExchangeFailed | None:
    """Ask for one endpoint; return why it has failed, None if it has not."""
    try:
        async with asyncio.timeout(ANSWER_S):
            answer = await exchange.get(endpoint.target.path)
    except TimeoutError:
        return _TIMEOUT
    except ExchangeFailed as error:
        return error
    return None if answer.status < 500 else ExchangeFailed(Reason.http(answer.status), f"answers {answer.status}")


def _condition(kind: str, failure: _Failure | None, catalog: ServiceCatalog) -> Condition:
    if failure is None and kind in catalog.without_url:
        message = "a URL of it in the catalogue is none that can be asked"
        return endpoint_condition(kind, ConditionStatus.FALSE, _BAD_URL, message)
    if failure is None:
        return endpoint_condition(kind, ConditionStatus.TRUE)
    error, endpoint = failure
    status = ConditionStatus.UNKNOWN if isinstance(error, LocalFault) else ConditionStatus.FALSE
    region = f" in region {endpoint.region[:100]}" if endpoint.region else ""
    return endpoint_condition(kind, status, error.reason, f"{endpoint.target.authority}{region}: {error.detail}")
