"""Checks a call's version, method and arguments, and passes it on. The only method is update_vim."""

from __future__ import annotations

from vimesh.bridge.calls.update_vim import Updates, UpdateVimCall
from vimesh.bridge.messages.caller_exceptions import BadReport, NoSuchMethod, UnsupportedVersion, WrongArguments
from vimesh.bridge.messages.oslo_messages import Call

_METHOD = "update_vim"
_REQUIRED = frozenset({"vim_id", "status"})
_KNOWN = _REQUIRED | {"action_id"}
_SERVED = frozenset({"1", "1.0", "1.0.0"})
"""A caller of 1.1 needs more than 1.0 offers, and a caller of 2.0 something else."""
_MOST_ARGUMENTS = 20
"""With more arguments, the error states only their number."""
_MAX_TEXT = 255


class CallDispatcher:
    """Serves the part of Tacker's conductor RPC, version 1.0, that ping actions need."""

    def __init__(self, updates: Updates) -> None:
        self._updates = updates

    async def serve(self, call: Call) -> str:
        """Return the answer. Raises CallFailed."""
        if call.namespace is not None:
            raise UnsupportedVersion(f"namespace {call.namespace!r}")
        if call.version not in _SERVED:
            raise UnsupportedVersion(f"version {call.version!r}")
        if call.method != _METHOD:
            raise NoSuchMethod(call.method)
        return await self._updates.update_vim(_report(call))


def _report(call: Call) -> UpdateVimCall:
    if len(call.arguments) > _MOST_ARGUMENTS:
        raise WrongArguments(f"update_vim() got {len(call.arguments)} arguments")
    if more := call.arguments.keys() - _KNOWN:
        raise WrongArguments(f"update_vim() got unexpected arguments: {_listed(more)}")
    if missing := _REQUIRED - call.arguments.keys():
        raise WrongArguments(f"update_vim() is missing arguments: {_listed(missing)}")
    action_id = call.arguments.get("action_id")
    return UpdateVimCall(
        vim_id=_text(call, "vim_id"),
        status=_text(call, "status"),
        action_id=None if action_id is None else _text(call, "action_id"),
        timeout_s=call.timeout_s,
        waits=bool(call.call_id),
        user=call.user,
    )


def _text(call: Call, name: str) -> str:
    value = call.arguments[name]
    if not isinstance(value, str):
        raise BadReport(f"{name}: must be a string")
    if len(value) > _MAX_TEXT or not (value.isascii() and value.isprintable()):
        raise BadReport(f"{name}: must be at most {_MAX_TEXT} printable characters of ASCII")
    return value


def _listed(names: frozenset[str] | set[str]) -> str:
    return ", ".join(sorted(name[:50] for name in names))[:200]
