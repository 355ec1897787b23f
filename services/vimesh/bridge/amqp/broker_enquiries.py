"""Keeps a second connection, for requests that the broker may answer by closing the connection."""

from __future__ import annotations

import asyncio

from aio_pika.abc import AbstractConnection

from vimesh.bridge.amqp.broker import Broker, BrokerAway, BrokerLimits, Dial, close
from vimesh.bridge.amqp.guarded_transport import GuardedConnection


class BrokerEnquiries:
    """Opens the connection on demand, to the node that delivers the calls. Losing it affects no call."""

    def __init__(self, broker: Broker, dial: Dial) -> None:
        self._broker = broker
        self._dial = dial
        self._opening = asyncio.Lock()
        self._connection: GuardedConnection | None = None
        self._beside: AbstractConnection | None = None
        """The calls' connection at the time when this one was opened."""

    @property
    def limits(self) -> BrokerLimits:
        return self._broker.limits

    async def connection(self, within_s: float) -> GuardedConnection:
        """Return the connection as soon as there is one. Raises BrokerAway."""
        try:
            async with asyncio.timeout(within_s), self._opening:
                return await self._open(within_s)
        except TimeoutError:
            raise BrokerAway("the broker does not answer in time") from None

    async def _open(self, within_s: float) -> GuardedConnection:
        calls = await self._broker.connection(within_s)
        if self._connection is not None and not self._connection.is_over and self._beside is calls:
            return self._connection
        await self.close()
        self._connection, self._beside = await self._dial(self._broker.node), calls
        return self._connection

    async def close(self) -> None:
        """Close the connection, if there is one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await close(connection, self.limits)
