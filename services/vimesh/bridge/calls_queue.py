"""The end of the queue of calls: it goes when nobody needs it any more, and only then."""

from __future__ import annotations

import structlog

from vimesh.bridge.broker import Broker, BrokerAway, broker_faults
from vimesh.bridge.queues import CALLS, KILLS, consumers_of, delete_unused

_log = structlog.get_logger()

_WITHIN_S = 2.0


async def clear_away(broker: Broker) -> None:
    """Delete the queue of calls, unless another bridge or conductor consumes it, a call waits, or an old action lives.

    A call that finds no queue is lost, and its action with it: so the queue stays while there are actions. Each of them
    consumes the queue KILL_ACTION.
    """
    try:
        with broker_faults():
            connection = await broker.connection(_WITHIN_S)
            if await consumers_of(connection, KILLS, _WITHIN_S):
                _log.info("the queue of calls stays: there are actions", queue=CALLS)
            elif await delete_unused(connection, CALLS, _WITHIN_S, if_empty=True):
                _log.info("the queue of calls is deleted", queue=CALLS)
    except BrokerAway:
        _log.info("the queue of calls stays: the broker is away", queue=CALLS)
