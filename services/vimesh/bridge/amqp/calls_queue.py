"""Deletes the queue of calls when the bridge stops, but only if it is no longer needed."""

from __future__ import annotations

import structlog
from aio_pika.abc import AbstractConnection

from vimesh.bridge.amqp.broker import BrokerAway, BrokerConnections, broker_faults
from vimesh.bridge.amqp.declare_queues import QueueState
from vimesh.bridge.amqp.rpc_queues import KILLS, delete_if_idle, delete_unused, read_usage
from vimesh.bridge.config.topology import CALLS

_log = structlog.get_logger()

_WITHIN_S = 2.0


async def delete_calls_queue(enquiries: BrokerConnections, declared: QueueState | None) -> None:
    """Delete the queue of calls, unless another bridge or conductor consumes it, a call waits, or an old action lives.

    A call that finds no queue is lost, and its action with it, so the queue stays while there are actions: those that
    consume the queue KILL_ACTION.
    """
    try:
        with broker_faults():
            connection = await enquiries.connection(_WITHIN_S)
            kills = await read_usage(connection, KILLS, _WITHIN_S)
            if kills is not None and (kills.consumers or not kills.is_certain):
                _log.info("the queue of calls is kept: there are actions", queue=CALLS)
            elif await _delete(connection, declared):
                _log.info("the queue of calls is deleted", queue=CALLS)
    except BrokerAway:
        _log.info("the queue of calls is kept: the broker is unavailable", queue=CALLS)


async def _delete(connection: AbstractConnection, declared: QueueState | None) -> bool:
    # Only classic queues support deletion on the condition that they are idle.
    if declared is not None and declared.is_ours and not declared.topology.quorum:
        return await delete_if_idle(connection, CALLS, _WITHIN_S)
    return await delete_unused(connection, CALLS, _WITHIN_S, with_messages=False)
