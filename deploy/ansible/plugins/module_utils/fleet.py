"""Opens the client of a fleet for a module, and explains to the people of Ansible what goes wrong."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

try:
    from vimesh.client import BadSetting, CallError, Client, ClientError, DeadlineExceeded, LoginEnded, Unavailable
except ImportError:
    _NO_CLIENT = traceback.format_exc()
else:
    _NO_CLIENT = ""

CONNECTION: dict[str, Any] = {
    "address": {"type": "str"},
    "credentials": {"type": "path"},
    "profile": {"type": "str"},
    "call_timeout": {"type": "float", "default": 10.0},
}
"""The options of all modules. What is not given, the client takes from VIMESH_* or from a profile."""

_AGAIN = "run the playbook again: what is done already stays as it is"
_HINTS = {
    "APPLY_CONFLICT": "take what others have set into the task, leave it out there, or set force_conflicts: true",
    "CHANGE_RATE_EXCEEDED": _AGAIN,
    "DEFAULT_TAKEN": "a project has one default VIM: set is_default: false for the other one first",
    "ETAG_MISMATCH": "others have changed it meanwhile; run the playbook again with --diff to see what is left to do",
    "IDENTITY_REQUIRED": "set credentials or profile: this fleet answers only callers with a certificate or a token",
    "IDENTITY_MISSING": "set credentials or profile: this fleet answers only callers with a certificate or a token",
    "NOT_IN_APPLY_SET": "set adopt: true to take it into the apply_set, or name the apply_set that it belongs to",
    "OVERLOADED": _AGAIN,
    "PERMISSION_DENIED": "`vimesh whoami` shows what the credentials allow",
    "QUOTA_EXCEEDED": "deregister VIMs that are not needed, or ask the operator of the fleet for a higher quota",
    "STORE_UNAVAILABLE": _AGAIN,
    "TOKEN_INVALID": "`vimesh login` gets a new token",
}


class Refused(Exception):
    """The module cannot do what the task says. `facts` are for the result of the task."""

    def __init__(self, message: str, *, reason: str = "", hint: str = "", **facts: object) -> None:
        super().__init__(message)
        self.reason = reason
        self.hint = hint or _HINTS.get(reason, "")
        self.facts = facts


def run(module: AnsibleModule, deed: Callable[[Client], Mapping[str, Any]]) -> None:
    """Open a client, do the deed, and end the module with its result."""
    if _NO_CLIENT:
        module.fail_json(msg=missing_required_lib("vimesh"), exception=_NO_CLIENT)
    given = module.params
    address = given["address"] or "the front"
    try:
        with Client.connect(
            given["address"],
            credentials=given["credentials"],
            profile=given["profile"],
            timeout_s=given["call_timeout"],
        ) as client:
            address = client.stubs.address
            result = deed(client)
    except Refused as error:
        _fail(module, error)
    except BadSetting as error:
        _fail(module, Refused(_named_as_option(error, given)))
    except LoginEnded as error:
        _fail(module, Refused(str(error), hint=f"log in on this host: vimesh login --profile {error.profile}"))
    except CallError as error:
        _fail(module, _explained(error, address))
    except ClientError as error:
        _fail(module, Refused(str(error)))
    else:
        module.exit_json(**result)


def _fail(module: AnsibleModule, error: Refused) -> None:
    facts = {"hint": error.hint} if error.hint else {}
    text = f"{error}. Hint: {error.hint}" if error.hint else str(error)
    module.fail_json(msg=text, reason=error.reason, **facts, **error.facts)


def _named_as_option(error: BadSetting, given: Mapping[str, Any]) -> str:
    """The client names the variable, although somebody may have written the option."""
    option = error.setting.removeprefix("VIMESH_").lower()
    return str(error).replace(error.setting, option, 1) if given.get(option) else str(error)


def _explained(error: CallError, address: str) -> Refused:
    if error.violations:
        lines = [f"{one.field.removeprefix('vim.')}: {one.description}" for one in error.violations]
        return Refused("; ".join(lines), reason=error.reason)
    if error.reason:
        return Refused(str(error), reason=error.reason)
    status, text = error.code().name, (error.details() or "").strip().partition("\n")[0]
    if isinstance(error, DeadlineExceeded):
        return Refused(
            f"{address} did not answer in time ({status})", reason=status, hint=f"raise call_timeout, or {_AGAIN}"
        )
    if isinstance(error, Unavailable):
        where = "check address, credentials, or the VIMESH_* variables, and whether the fleet is running"
        return Refused(f"{address} does not answer: {text} ({status})", reason=status, hint=where)
    return Refused(f"{text or 'the call failed'} ({status})", reason=status)
