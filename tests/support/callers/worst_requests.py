"""Makes, for each RPC, the requests that cost a conductor the most CPU, up to the largest size that it accepts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence

from tests.support.callers.bad_requests import CONDUCTOR_SERVICE, ID, VIM_SERVICE, field_of
from vimesh.v1 import conductor_service_pb2, vim_service_pb2
from vimesh.v1.vim_pb2 import Vim
from vimesh.wire.limits import MAX_JSON_BYTES, MAX_MESSAGE_BYTES, max_request_bytes

WORKFLOW_SERVICE = "/vimesh.v1.WorkflowService"
SMALL = (
    f"{VIM_SERVICE}/GetVim",
    f"{VIM_SERVICE}/ProbeVim",
    f"{VIM_SERVICE}/ExplainVim",
    f"{VIM_SERVICE}/DeregisterVim",
    f"{VIM_SERVICE}/WatchVims",
    f"{VIM_SERVICE}/ListVims",
    f"{VIM_SERVICE}/ListVimEvents",
    f"{VIM_SERVICE}/SummarizeVims",
    f"{CONDUCTOR_SERVICE}/UpdateVim",
    f"{CONDUCTOR_SERVICE}/WatchActions",
    f"{WORKFLOW_SERVICE}/ClaimWorkflowTasks",
    f"{WORKFLOW_SERVICE}/FinishWorkflowTask",
)
Named = tuple[str, str, bytes]
"""Method, description, and the request."""


def worst_requests(vim_ids: Sequence[str]) -> Iterator[Named]:
    """Yield all of them, for a conductor that has these VIMs, whose actions run elsewhere."""
    for method in SMALL:
        for name, content in _of_any(max_request_bytes(method.rpartition("/")[2])):
            yield method, name, content
    yield from _queries()
    for name, content in _vims(max_request_bytes("RegisterVim")):
        yield f"{VIM_SERVICE}/RegisterVim", name, content
        yield f"{VIM_SERVICE}/ModifyVim", name, content
    yield from _of_many(vim_ids)
    yield f"{VIM_SERVICE}/ModifyVim", "paths", _masked(["name"] * 100_000)
    yield f"{VIM_SERVICE}/ModifyVim", "empty paths", _masked([""] * 400_000)
    yield f"{VIM_SERVICE}/ModifyVim", "a long path", _masked(["x" * 1_000_000])
    for name, text in _texts():
        body = vim_service_pb2.RegisterVimJsonRequest()
        body.request.data = text
        yield f"{VIM_SERVICE}/RegisterVimJson", name, body.SerializeToString()
        change = vim_service_pb2.ModifyVimJsonRequest(vim_id=ID)
        change.request.data = text
        yield f"{VIM_SERVICE}/ModifyVimJson", name, change.SerializeToString()
        many = vim_service_pb2.ModifyVimsJsonRequest()
        many.request.data = text
        yield f"{VIM_SERVICE}/ModifyVimsJson", name, many.SerializeToString()
    for name, content in _registrations():
        yield f"{VIM_SERVICE}/RegisterVims", name, content
    for name, content in _applied():
        yield f"{VIM_SERVICE}/ApplyVims", name, content
    for method in ("ServeProbes", "ConfirmFailures"):
        for name, content in (*_of_any(max_request_bytes(method)), *_probes(vim_ids)):
            yield f"{CONDUCTOR_SERVICE}/{method}", name, content
    for name, content in _reports(vim_ids):
        yield f"{CONDUCTOR_SERVICE}/UpdateVims", name, content


def _of_many(vim_ids: Sequence[str]) -> Iterator[Named]:
    choices = {"its ids": list(vim_ids[:500]), "one id": [vim_ids[0]] * 500, "bad ids": ["x" * 36] * 500}
    for name, ids in choices.items():
        request = vim_service_pb2.BatchGetVimsRequest(vim_ids=ids).SerializeToString()
        yield f"{VIM_SERVICE}/BatchGetVims", name, request
        removal = vim_service_pb2.DeregisterVimsRequest(vim_ids=ids[:50], validate_only=True)
        yield f"{VIM_SERVICE}/DeregisterVims", name, removal.SerializeToString()
        # Only validated, so that it is as much work when it is tried again.
        change = vim_service_pb2.ModifyVimsRequest(
            vim_ids=ids[:50], vim=Vim(description="x" * 4096), validate_only=True
        )
        change.vim.labels.update({f"{key}": "x" * 63 for key in range(64)})
        yield f"{VIM_SERVICE}/ModifyVims", name, change.SerializeToString()
    for method in ("ModifyVims", "DeregisterVims", "BatchGetVims"):
        for name, content in _of_any(max_request_bytes(method)):
            yield f"{VIM_SERVICE}/{method}", name, content


def _probes(vim_ids: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Yield requests for either of the calls about probes, which refuse those for the other."""
    failed = conductor_service_pb2.ConfirmFailuresRequest(monitor_id=ID)
    failed.vims.extend(conductor_service_pb2.FailedVim(vim_id=vim_id, action_id="x" * 255) for vim_id in vim_ids[:500])
    yield "failed VIMs", failed.SerializeToString()
    answered = conductor_service_pb2.ServeProbesRequest(monitor_id=ID)
    answered.answers.extend(
        conductor_service_pb2.ProbeAnswer(probe_id=number, status=Vim.UNREACHABLE, reason="TIMEOUT", detail="x" * 512)
        for number in range(500)
    )
    yield "answers", answered.SerializeToString()


def _of_any(longest: int) -> Iterator[tuple[str, bytes]]:
    yield "one field again and again", b"\x0a\x00" * (longest // 2)
    yield "unknown fields", b"\xc0\x3e\x01" * (longest // 3)
    yield "groups", b"\xc3\x3e\xc4\x3e" * (longest // 4)
    yield "one long text", field_of(1, b"x" * (longest - 8))
    yield "one long unknown field", field_of(1000, bytes(longest - 8))
    yield "noise", b"\xff" * longest


def _queries() -> Iterator[Named]:
    term = 'name = "*a*b*" AND '
    for name, text in (
        ("terms", term * (4096 // len(term)) + "id = a"),
        ("wildcards", 'name = "' + "*a" * 2000 + '"'),
        ("quotes", '"' * 4096),
        ("backslashes", 'name = "' + "\\" * 4000),
        ("blanks", " " * 4096),
        ("brackets", "(" * 4096),
        ("groups", "((" + " OR ".join(["(labels.a:a*a AND -reason:a)"] * 8) + "))"),
    ):
        yield f"{VIM_SERVICE}/ListVims", name, vim_service_pb2.ListVimsRequest(filter=text).SerializeToString()
        summary = vim_service_pb2.SummarizeVimsRequest(filter=text, group_by=["labels.a", "reason", "labels.b"])
        yield f"{VIM_SERVICE}/SummarizeVims", name, summary.SerializeToString()
        events = vim_service_pb2.ListVimEventsRequest(filter=text)
        yield f"{VIM_SERVICE}/ListVimEvents", name, events.SerializeToString()
    for name, token in (("token", "W1tb" * 1024), ("token of numbers", "OTk5" * 1024)):
        yield f"{VIM_SERVICE}/ListVims", name, vim_service_pb2.ListVimsRequest(page_token=token).SerializeToString()
        request = vim_service_pb2.ListVimEventsRequest(page_token=token)
        yield f"{VIM_SERVICE}/ListVimEvents", name, request.SerializeToString()


def _vims(longest: int) -> Iterator[tuple[str, bytes]]:
    plain = field_of(1, ID.encode()) + field_of(3, b"lab") + field_of(5, b"openstack")
    plain += field_of(6, b"http://127.0.0.1/")
    free = longest - 400
    for name, struct in _structs(free):
        yield name, field_of(1, plain + field_of(11, struct))
    for name, struct in _structs(free // 4):
        yield f"{name}, in each field", field_of(1, plain + b"".join(field_of(n, struct) for n in (7, 8, 10, 11)))
    yield "a field again and again", field_of(1, plain) + b"\x0a\x00" * (free // 2)
    yield "a struct again and again", field_of(1, plain + b"\x5a\x00" * (free // 2))
    yield "a policy again and again", field_of(1, plain + b"\x62\x00" * (free // 2))
    yield "a time again and again", field_of(1, plain + b"\x82\x02\x00" * (free // 3))
    yield "a long name", field_of(1, plain + field_of(3, b"a" * free))
    yield "a name of control characters", field_of(1, plain + field_of(3, b"\x01" * free))
    yield "a long description", field_of(1, plain + field_of(4, b"\0" * free))
    yield "a long URL", field_of(1, plain + field_of(6, b"http://" + b"a." * (free // 2)))
    yield "a URL of at signs", field_of(1, plain + field_of(6, b"http://" + b"@" * 2000))
    yield "a long etag", field_of(1, plain + field_of(31, b"a" * free))
    yield "many keys", field_of(1, plain + field_of(11, _keys(free)))
    yield "many labels", field_of(1, plain + b"".join(_label(b"%06x" % key) for key in range(free // 12)))
    yield "one label", field_of(1, plain + _label(b"a") * (free // 7))
    yield "long labels", field_of(1, plain + b"".join(_label(b"%06x" % key + b"-" * 300) for key in range(free // 312)))
    yield from _of_any(longest)


def _structs(room: int) -> Iterator[tuple[str, bytes]]:
    """Serialize structs that fill the allowed size."""
    for name, value in (
        ("values of no kind", b""),
        ("nulls", b"\x08\x00"),
        ("numbers", b"\x11" + bytes(8)),
        ("empty texts", b"\x1a\x00"),
        ("empty structs", b"\x2a\x00"),
        ("empty lists", b"\x32\x00"),
    ):
        element = field_of(1, value)
        yield name, _in_key(field_of(6, element * ((room - 20) // len(element))))
    deep = b"\x08\x00"
    while len(deep) < 190:
        deep = field_of(6, field_of(1, deep))
    yield "deep lists", _in_key(field_of(6, field_of(1, deep) * (room // (len(deep) + 4) - 1)))
    yield "a long text", _in_key(field_of(3, b"\x01" * (room - 20)))


def _keys(room: int) -> bytes:
    return b"".join(
        field_of(1, field_of(1, b"%06x" % number) + field_of(2, b"\x08\x00")) for number in range(room // 16)
    )


def _label(key: bytes) -> bytes:
    return field_of(13, field_of(1, key))


def _in_key(value: bytes) -> bytes:
    return field_of(1, field_of(1, b"a") + field_of(2, value))


def _masked(paths: list[str]) -> bytes:
    request = vim_service_pb2.ModifyVimRequest(vim=Vim(id=ID, name="lab"))
    request.update_mask.paths.extend(paths)
    return request.SerializeToString()


def _texts() -> Iterator[tuple[str, bytes]]:
    room = MAX_JSON_BYTES - 200

    def around(extra: str) -> bytes:
        vim = json.dumps({"name": "lab", "type": "openstack", "auth_url": "http://127.0.0.1/"})
        return ('{"vim": ' + vim[:-1] + ', "extra": {"a": ' + extra + "}}}").encode()

    def many(element: str) -> bytes:
        return around("[" + ",".join([element] * (room // (len(element) + 1))) + "]")

    yield "structs", many("{}")
    yield "lists", many("[]")
    yield "digits", many("1")
    yield "floats", many("1e1")
    yield "texts", many('""')
    yield "nulls", many("null")
    yield "keys", around("{" + ",".join(f'"{number:x}":1' for number in range(room // 10)) + "}")
    yield "one key", around("{" + ",".join(['"a":1'] * (room // 6)) + "}")
    yield "deep lists", around("[" * (room // 2) + "]" * (room // 2))
    yield "open lists", around("[" * room)
    yield "deep structs", around('{"a":' * (room // 6) + "1" + "}" * (room // 6))
    yield "a long number", around("1" * room)
    yield "a long fraction", around("0." + "1" * room)
    yield "a long text", around('"' + "x" * room + '"')
    yield "escapes", around('"' + "\\u0001" * (room // 6) + '"')
    yield "surrogates", around('"' + "\\ud800" * (room // 6) + '"')
    labels = "{" + ",".join(f'"{number:x}":""' for number in range(room // 11)) + "}"
    yield "labels", ('{"vim": {"name": "lab", "type": "openstack", "labels": ' + labels + "}}").encode()
    yield "blanks", around(" " * room + "1")
    yield "noise", b"\xff" * room
    yield "unknown fields", ("{" + ",".join(f'"{number:x}":1' for number in range(room // 10)) + "}").encode()


def _registrations() -> Iterator[tuple[str, bytes]]:
    longest = max_request_bytes("RegisterVims")
    yield "empty requests", b"\x0a\x00" * (longest // 2)
    yield "500 empty requests", b"\x0a\x00" * 500
    for name, content in _vims(longest // 2 - 100):
        yield f"two with {name}", field_of(1, content) * 2
    for name, content in _vims(longest // 500 - 8):
        yield f"500 with {name}", field_of(1, content) * 500
    yield "500 good ones", b"".join(field_of(1, _good(number)) for number in range(500))


def _applied() -> Iterator[tuple[str, bytes]]:
    longest, apply_set = max_request_bytes("ApplyVims"), field_of(1, b"worst")
    yield "empty VIMs", apply_set + b"\x12\x00" * (longest // 2 - 8)
    yield "500 empty VIMs", apply_set + b"\x12\x00" * 500
    for name, content in _vims(longest // 2 - 100):
        yield f"two with {name}", apply_set + field_of(2, content) * 2
    for name, content in _vims(longest // 500 - 8):
        yield f"500 with {name}", apply_set + field_of(2, content) * 500
    # A registration has its VIM where a VIM to apply has it.
    yield "500 good ones", apply_set + b"".join(field_of(2, _good(number)) for number in range(500))


def _good(number: int) -> bytes:
    vim = Vim(name=f"good-{number}", type="openstack", auth_url="http://127.0.0.1/", description="x" * 2000)
    for struct in (vim.vim_project, vim.auth_cred, vim.placement_attr, vim.extra):
        struct.update({f"key-{key}": "x" * 30 for key in range(12)})
    return vim_service_pb2.RegisterVimRequest(vim=vim).SerializeToString()


def _reports(vim_ids: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    def many(report: Callable[[int], conductor_service_pb2.UpdateVimRequest]) -> bytes:
        reports = [report(number) for number in range(1000)]
        return conductor_service_pb2.UpdateVimsRequest(reports=reports).SerializeToString()

    yield "empty reports", b"\x0a\x00" * (MAX_MESSAGE_BYTES // 2)
    yield "1000 empty reports", b"\x0a\x00" * 1000
    yield "reports of long tags", b"\x8a\x80\x80\x80\x00\x00" * (MAX_MESSAGE_BYTES // 6)
    yield "a group before empty reports", b"\x13\x14" + b"\x0a\x00" * (MAX_MESSAGE_BYTES // 2 - 1)
    yield "groups", b"\x13\x14" * (MAX_MESSAGE_BYTES // 2)
    yield "unknown fields", b"\x10\x01" * (MAX_MESSAGE_BYTES // 2)
    yield "unknown fields in 1000 reports", field_of(1, b"\x48\x01" * 2090) * 1000
    yield "one field again and again in 1000 reports", field_of(1, b"\x0a\x00" * 2090) * 1000
    yield "an age again and again in 1000 reports", field_of(1, b"\x42\x00" * 2090) * 1000
    yield "every field bad", many(lambda _: _report("x" * 900, action_id="x" * 900, status=99, **_ALL_BAD))
    yield "capitals", many(lambda _: _report(ID.upper(), detail="x" * 512))
    yield "strangers", many(lambda number: _report(f"00000000-0000-4000-8000-{number:012x}"))
    yield (
        "one VIM again and again",
        many(lambda number: _report(vim_ids[0], status=2 + number % 2, observation=number + 1)),
    )
    yield (
        "changes",
        many(
            lambda number: _report(
                vim_ids[number % len(vim_ids)], status=2 + number % 2, reason="TLS", detail="é" * 512
            )
        ),
    )
    again = _report(vim_ids[0]).SerializeToString()
    yield "contacts", field_of(1, again) * (MAX_MESSAGE_BYTES // (len(again) + 2))


_ALL_BAD: Mapping[str, object] = {"reason": "a" * 900, "detail": "\0" * 900, "observation": 2**64 - 1}


def _report(vim_id: str, **fields: object) -> conductor_service_pb2.UpdateVimRequest:
    said = {"vim_id": vim_id, "action_id": vim_id, "status": Vim.REACHABLE} | fields
    return conductor_service_pb2.UpdateVimRequest(**said)  # type: ignore[arg-type]  # fields by name
