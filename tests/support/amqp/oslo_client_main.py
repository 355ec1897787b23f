"""Runs old ping actions and other callers without any of our code, in an interpreter that has oslo.messaging.

Reads orders as lines of JSON, and writes events as lines of JSON.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import oslo_messaging
from oslo_config import cfg

CALLS = {"exchange": "tacker", "topic": "TACKER_CONDUCTOR"}
_PING_S = 0.02
_lock = threading.Lock()


def say(**event: object) -> None:
    with _lock:
        print(json.dumps(event), flush=True)


def connected() -> Any:  # noqa: ANN401 - a library without types
    return oslo_messaging.get_rpc_transport(cfg.CONF)


class Action:
    """The shipped loop: it reports when a ping differs from the last answer, and ends on a kill or on any error."""

    def __init__(self, vim_id: str, status: str, timeout_s: float, *, deaf: bool) -> None:
        self.vim_id = vim_id
        self.status = status
        self.killed = False
        self.deaf = deaf
        self.pings = 0
        self._timeout_s = timeout_s

    def killAction(self, _context: object, **_arguments: object) -> None:  # noqa: N802 - the name on the wire
        self.killed = not self.deaf

    def run(self) -> None:
        transport = connected()
        target = oslo_messaging.Target(exchange="tacker", topic="KILL_ACTION", server=self.vim_id, version="1.0")
        server = oslo_messaging.get_rpc_server(transport, target, [self], executor="threading")
        server.start()
        say(event="started", vim_id=self.vim_id)
        try:
            result = self._loop(transport)
        except Exception as error:  # noqa: BLE001 - as the shipped one
            say(event="ended", vim_id=self.vim_id, result="FAILED", why=repr(error))
        else:
            say(event="ended", vim_id=self.vim_id, result=result, pings=self.pings)
        server.stop()
        server.wait()
        transport.cleanup()

    def _loop(self, transport: object) -> str:
        target = oslo_messaging.Target(**CALLS, fanout=False, version="1.0")
        client = oslo_messaging.get_rpc_client(transport, target).prepare(timeout=self._timeout_s)
        current = "PENDING"
        while not self.killed:
            time.sleep(_PING_S)
            self.pings += 1
            seen = self.status
            if current != seen:
                current = client.call({"is_admin": True}, "update_vim", vim_id=self.vim_id, status=seen)
                say(event="answer", vim_id=self.vim_id, said=seen, answer=current)
        return "KILLED"


_actions: dict[str, Action] = {}


def start(vim_id: str, status: str, timeout_s: float = 60, *, deaf: bool = False) -> None:
    action = _actions[vim_id] = Action(vim_id, status, timeout_s, deaf=deaf)
    action.run()


def ping(vim_id: str, status: str) -> None:
    _actions[vim_id].status = status


def call(  # noqa: PLR0917 - what an order may say
    number: int,
    method: str,
    arguments: dict[str, Any],
    version: str = "1.0",
    namespace: str | None = None,
    timeout_s: float = 60,
    context: dict[str, Any] | None = None,
    cast: bool = False,
) -> None:
    target = oslo_messaging.Target(**CALLS, version=version, namespace=namespace)
    client = oslo_messaging.get_rpc_client(_shared(), target).prepare(timeout=timeout_s)
    began = time.monotonic()
    try:
        speak = client.cast if cast else client.call
        answer = speak(context or {}, method, **arguments)
    except Exception as error:  # noqa: BLE001 - told to the test
        kind = getattr(error, "exc_type", None) or type(error).__name__
        say(event="called", number=number, error=kind, why=str(error), after_s=time.monotonic() - began)
    else:
        say(event="called", number=number, answer=answer, after_s=time.monotonic() - began)


class Conductor:
    """A stand-in for Tacker's own conductor."""

    target = oslo_messaging.Target(exchange="tacker", version="1.0")

    def update_vim(self, _context: object, **arguments: object) -> object:
        return arguments["status"]


_conductors: list[Any] = []


def serve(number: int) -> None:
    transport = connected()
    target = oslo_messaging.Target(**CALLS, server="conductor", version="1.0")
    server = oslo_messaging.get_rpc_server(transport, target, [Conductor()], executor="threading")
    try:
        server.start()
    except Exception as error:  # noqa: BLE001 - told to the test
        say(event="serving", number=number, error=repr(error))
        return
    _conductors.append((server, transport))
    say(event="serving", number=number)


def stop_serving(number: int) -> None:
    while _conductors:
        server, transport = _conductors.pop()
        server.stop()
        server.wait()
        transport.cleanup()
    say(event="stopped", number=number)


_transport: list[Any] = []


def _shared() -> Any:  # noqa: ANN401 - see connected
    with _lock:
        if not _transport:
            _transport.append(connected())
        return _transport[0]


ORDERS: dict[str, Callable[..., None]] = {
    "start": start,
    "ping": ping,
    "call": call,
    "serve": serve,
    "stop_serving": stop_serving,
}


def main() -> None:
    cfg.CONF([], project="tacker", default_config_files=[sys.argv[1]])
    for line in sys.stdin:
        order = json.loads(line)
        threading.Thread(target=ORDERS[order.pop("do")], kwargs=order, daemon=True).start()


if __name__ == "__main__":
    main()
