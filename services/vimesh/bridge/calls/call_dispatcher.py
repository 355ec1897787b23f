"""What can be called here, and with which arguments."""

from __future__ import annotations

from vimesh.bridge.calls.update_vim import Updates, UpdateVimCall
from vimesh.bridge.messages.caller_exceptions import BadReport, NoSuchMethod, UnsupportedVersion, WrongArguments
from vimesh.bridge.messages.oslo_messages import Call

_METHOD = "update_vim"
_REQUIRED = frozenset({"vim_id", "status"})
_KNOWN = _REQUIRED | {"action_id"}
_SERVED = frozenset({"1", "1.0", "1.0.0"})
"""Who asks for 1.1 wants more, and who asks for 2.0 something else."""
_MOST_ARGUMENTS = 20
"""More are not looked at: what is wrong with them fills a line as it is."""
_MAX_TEXT = 255


class CallDispatcher:
    """Version 1.0 of Tacker's conductor, as far as ping actions need it."""

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
    )


def _text(call: Call, name: str) -> str:
    value = call.arguments[name]
    if not isinstance(value, str):
        raise BadReport(f"{name}: must be a text")
    if len(value) > _MAX_TEXT or not (value.isascii() and value.isprintable()):
        raise BadReport(f"{name}: must be at most {_MAX_TEXT} printable characters of ASCII")
    return value


def _listed(names: frozenset[str] | set[str]) -> str:
    return ", ".join(sorted(name[:50] for name in names))[:200]
