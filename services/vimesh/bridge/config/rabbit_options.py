"""The options of [oslo_messaging_rabbit]: those that the bridge applies, and why it ignores the others.

Their names, types and defaults are oslo.messaging's own; a test compares them. None stands for "not set": the bridge
then uses a value of its own, which only affects its own side.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from vimesh.domain.settings import truth

GROUP = "oslo_messaging_rabbit"
LOGIN_METHODS = ("PLAIN", "AMQPLAIN", "EXTERNAL", "RABBIT-CR-DEMO")
_MOST_DIGITS = 12


@dataclass(frozen=True, slots=True)
class RabbitOptions:
    amqp_durable_queues: bool = False
    amqp_auto_delete: bool = False
    ssl: bool = False
    ssl_version: str = ""
    ssl_ca_file: str = ""
    ssl_cert_file: str = ""
    ssl_key_file: str = ""
    rabbit_login_method: str = "AMQPLAIN"
    rabbit_ha_queues: bool = False
    rabbit_quorum_queue: bool = False
    rabbit_quorum_delivery_limit: int = 0
    rabbit_quorum_max_memory_length: int = 0
    rabbit_quorum_max_memory_bytes: int = 0
    enable_cancel_on_failover: bool = False
    rabbit_transient_quorum_queue: bool = False
    rabbit_stream_fanout: bool = False
    rabbit_qos_prefetch_count: int = 0
    heartbeat_timeout_threshold: int | None = None
    rabbit_retry_interval: int | None = None
    rabbit_interval_max: int | None = None
    kombu_reconnect_delay: float | None = None
    kombu_missing_consumer_retry_timeout: int | None = None


_NO_POOL = "the bridge holds one connection for calls and one for questions; it has no pool"
_OTHERS_QUEUES = "is about reply and fanout queues, which callers and servers of oslo.messaging declare for themselves"
IGNORED: Mapping[str, str] = {
    "rpc_conn_pool_size": _NO_POOL,
    "conn_pool_min_size": _NO_POOL,
    "conn_pool_ttl": _NO_POOL,
    "ssl_enforce_hostname_verification": "the name of the host is always compared with its certificate",
    "ssl_enforce_fips_mode": "has no effect in oslo.messaging either",
    "kombu_reconnect_splay": "pauses are random here in any case",
    "kombu_compression": "answers are short, and every caller reads plain ones",
    "kombu_failover_strategy": "hosts are tried in their order, from the first",
    "rabbit_retry_backoff": "pauses double here",
    "rabbit_transient_queues_ttl": _OTHERS_QUEUES,
    "heartbeat_rate": "a sign of life is sent twice within heartbeat_timeout_threshold",
    "direct_mandatory_flag": "an answer that finds no queue is always noticed",
    "use_queue_manager": _OTHERS_QUEUES,
    "hostname": _OTHERS_QUEUES,
    "processname": _OTHERS_QUEUES,
}
"""Options that are accepted in a file or a URL, with the reason why they have no effect."""


def with_query(options: RabbitOptions, query: Mapping[str, str]) -> RabbitOptions:
    """Return the options, overridden by the query of a transport URL. Raises ValueError."""
    changes: dict[str, Any] = {}
    for name, text in query.items():
        if name in _READERS:
            try:
                changes[name] = _READERS[name](text)
            except ValueError as error:
                raise ValueError(f"the option {name} {error}") from None
        elif name not in IGNORED:
            raise ValueError(f"the option {name[:50]!r} is not known; the options of [{GROUP}] are")
    return replace(options, **changes)


def check_together(options: RabbitOptions) -> None:
    """Raise ValueError for combinations that oslo.messaging refuses, too, or that no broker supports."""
    if options.rabbit_quorum_queue and options.rabbit_ha_queues:
        raise ValueError("rabbit_quorum_queue and rabbit_ha_queues are mutually exclusive")
    if options.rabbit_quorum_queue and options.amqp_auto_delete:
        raise ValueError("rabbit_quorum_queue and amqp_auto_delete are mutually exclusive: no broker has such queues")
    if options.rabbit_stream_fanout and not (
        options.rabbit_transient_quorum_queue and options.rabbit_qos_prefetch_count > 0
    ):
        raise ValueError("rabbit_stream_fanout needs rabbit_transient_quorum_queue and rabbit_qos_prefetch_count")
    if options.rabbit_login_method.upper() == LOGIN_METHODS[-1]:
        raise ValueError(f"rabbit_login_method {LOGIN_METHODS[-1]} is a demonstration and not supported here")


def _bool(text: str) -> bool:
    return truth(text.strip())


def _int(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS:
        return int(text)
    raise ValueError("must be a number")


def _float(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if 0 <= number < math.inf:
        return number
    raise ValueError("must be a number of seconds")


def _login_method(text: str) -> str:
    if text.upper() in LOGIN_METHODS:
        return text.upper()
    raise ValueError(f"must be one of {', '.join(LOGIN_METHODS)}")


_BY_TYPE: Mapping[str, Callable[[str], object]] = {
    "bool": _bool,
    "int": _int,
    "int | None": _int,
    "float | None": _float,
    "str": str,
}
_READERS = {each.name: _BY_TYPE[str(each.type)] for each in fields(RabbitOptions)} | {
    "rabbit_login_method": _login_method
}
