"""Collects what the parts of a bridge count."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from vimesh.bridge.amqp.broker import Broker
from vimesh.bridge.calls.call_consumer import CallConsumer
from vimesh.bridge.kills.kill_casts import KillCasts
from vimesh.metrics import families
from vimesh.rpc.action_watch import ActionWatch


class BridgeCollector:
    def __init__(self, broker: Broker, consumer: CallConsumer, kills: KillCasts, action_watch: ActionWatch) -> None:
        self._broker = broker
        self._consumer = consumer
        self._kills = kills
        self._action_watch = action_watch

    def collect(self) -> Iterator[Metric]:
        counted = self._consumer.statistics
        yield families.gauge("vimesh_front_connected", int(self._action_watch.is_connected))
        yield families.gauge("vimesh_amqp_connected", int(self._broker.is_connected))
        yield families.gauge("vimesh_amqp_unanswered", self._consumer.unanswered)
        yield families.counter(
            "vimesh_amqp_calls_total", {(outcome.value,): count for outcome, count in counted.calls.items()}
        )
        yield families.histogram("vimesh_amqp_call_seconds", counted.durations)
        yield families.counter(
            "vimesh_amqp_kills_total", {(result.value,): count for result, count in self._kills.results.items()}
        )
