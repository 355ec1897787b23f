"""What can be called here, and with which arguments."""

from __future__ import annotations

from vimesh.bridge.failures import BadReport, NoSuchMethod, UnsupportedVersion, WrongArguments
from vimesh.bridge.updates import Report, Updates
from vimesh.bridge.wire import Call

_METHOD = "update_vim"
_REQUIRED = frozenset({"vim_id", "status"})
_KNOWN = _REQUIRED | {"action_id"}


class Endpoint:
    """Version 1.0 of Tacker's conductor, as far as ping actions need it."""

    def __init__(self, updates: Updates) -> None:
        self._updates = updates

    async def serve(self, call: Call) -> str:
        """Return the answer. Raises CallFailed."""
        if call.namespace is not None:
            raise UnsupportedVersion(f"namespace {call.namespace!r}")
        if not _served(call.version):
            raise UnsupportedVersion(f"version {call.version!r}")
        if call.method != _METHOD:
            raise NoSuchMethod(call.method)
        return await self._updates.update_vim(_report(call))


def _served(version: str) -> bool:
    """1.0 serves who asks for 1.0: a caller of 1.1 wants more, one of 2.0 something else."""
    numbers = version.split(".")
    return all(number.isascii() and number.isdigit() for number in numbers) and [int(n) for n in numbers] in (
        [1],
        [1, 0],
        [1, 0, 0],
    )


def _report(call: Call) -> Report:
    if more := call.arguments.keys() - _KNOWN:
        raise WrongArguments(f"update_vim() got unexpected arguments: {_listed(more)}")
    if missing := _REQUIRED - call.arguments.keys():
        raise WrongArguments(f"update_vim() is missing arguments: {_listed(missing)}")
    action_id = call.arguments.get("action_id")
    return Report(
        vim_id=_text(call, "vim_id"),
        status=_text(call, "status"),
        action_id=None if action_id is None else _text(call, "action_id"),
        timeout_s=call.timeout_s,
        waits=bool(call.call_id),
    )


def _text(call: Call, name: str) -> str:
    value = call.arguments[name]
    if not isinstance(value, str):
        raise BadReport(f"{name}: must be a text")
    return value


def _listed(names: frozenset[str] | set[str]) -> str:
    return ", ".join(sorted(name[:50] for name in names))[:200]
