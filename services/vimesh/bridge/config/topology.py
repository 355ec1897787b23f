"""Derives from the options what an oslo.messaging server declares for Tacker's calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vimesh.bridge.config.rabbit_options import RabbitOptions

EXCHANGE = "tacker"
"""Tacker names this exchange in each of its calls, regardless of control_exchange."""
CALLS = "TACKER_CONDUCTOR"
"""Queue, and routing key, of the calls."""

Arguments = Mapping[str, str | int | bool]


@dataclass(frozen=True, slots=True)
class Topology:
    """The exchange, and the queue of calls that is bound to it."""

    durable: bool = False
    """For both."""
    auto_delete: bool = False
    """For both."""
    arguments: Arguments = field(default_factory=dict)
    """For the queue."""
    consumer_arguments: Arguments = field(default_factory=dict)

    @property
    def quorum(self) -> bool:
        return self.arguments.get("x-queue-type") == "quorum"


WITHOUT_TRANSIENT = Topology(durable=True, arguments={"x-queue-type": "quorum"})
"""The fallback for a broker that denies transient queues: its callers cannot be using them either."""


def topology(options: RabbitOptions) -> Topology:
    # A quorum queue is always durable, and then the exchange is, too.
    return Topology(
        durable=options.amqp_durable_queues or options.rabbit_quorum_queue,
        auto_delete=options.amqp_auto_delete,
        arguments=_queue_arguments(options),
        consumer_arguments={"x-cancel-on-ha-failover": True} if options.enable_cancel_on_failover else {},
    )


def _queue_arguments(options: RabbitOptions) -> Arguments:
    if options.rabbit_ha_queues:
        return {"x-ha-policy": "all"}
    if not options.rabbit_quorum_queue:
        return {}
    limits = {
        "x-delivery-limit": options.rabbit_quorum_delivery_limit,
        "x-max-in-memory-length": options.rabbit_quorum_max_memory_length,
        "x-max-in-memory-bytes": options.rabbit_quorum_max_memory_bytes,
    }
    return {"x-queue-type": "quorum"} | {name: limit for name, limit in limits.items() if limit}
