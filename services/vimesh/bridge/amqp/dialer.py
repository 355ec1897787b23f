"""Opens connections to the nodes of a broker, with the deployment's options."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from aio_pika.connection import make_url

from vimesh.bridge.amqp.broker import BrokerAway, BrokerLimits, broker_faults
from vimesh.bridge.amqp.broker_refusals import NO_TLS, OTHER_CERTIFICATE, failure_reason
from vimesh.bridge.amqp.guarded_transport import GuardedConnection
from vimesh.bridge.config.broker_tls import tls_context
from vimesh.bridge.config.deployment import Deployment
from vimesh.bridge.config.rabbit_options import RabbitOptions
from vimesh.bridge.config.transport_url import Node

T = TypeVar("T")

_EXTERNAL = "EXTERNAL"
_NAME = "vimesh bridge"
"""The connection's name, which the broker's administrators see."""


def limits_from(options: RabbitOptions) -> BrokerLimits:
    """Use the options that are set, and otherwise the bridge's own limits: it reacts faster than oslo.messaging."""
    own = BrokerLimits()
    longest_s = _or(options.rabbit_interval_max, own.longest_pause_s)
    return replace(
        own,
        heartbeat_s=_or(options.heartbeat_timeout_threshold, own.heartbeat_s),
        first_pause_s=min(longest_s, _or(options.rabbit_retry_interval, own.first_pause_s)),
        longest_pause_s=longest_s,
        least_pause_s=_or(options.kombu_reconnect_delay, own.least_pause_s),
    )


def _or(given: T | None, own: T) -> T:
    return own if given is None else given


class Dialer:
    def __init__(self, deployment: Deployment, limits: BrokerLimits) -> None:
        self._deployment = deployment
        self._limits = limits

    async def dial(self, node: Node) -> GuardedConnection:
        """Open a connection. Raises BrokerAway with the reason."""
        options = self._deployment.options
        try:
            context = tls_context(options)
        except ValueError as error:
            # The files were valid at the start: they are probably being replaced.
            raise BrokerAway(str(error)) from None
        url = make_url(
            host=node.host,
            port=node.port,
            login=node.user,
            password=node.password,
            virtualhost=self._deployment.transport.virtual_host,
            ssl=options.ssl,
            name=_NAME,
            heartbeat=self._limits.heartbeat_s,
            # AMQPLAIN carries the same data as PLAIN, and no broker offers it alone.
            auth="external" if options.rabbit_login_method == _EXTERNAL else "plain",
        )
        connection = GuardedConnection(url, ssl_context=context)
        try:
            with broker_faults():
                await connection.connect(self._limits.connect_timeout_s)
        except BrokerAway as away:
            cause = away.__cause__ or away
            # A broker that rejects or misses a certificate may close the connection without giving a reason.
            ended = OTHER_CERTIFICATE if options.ssl else NO_TLS
            raise BrokerAway(failure_reason(cause, connection.close_reason, if_it_ended=ended)) from cause
        return connection
