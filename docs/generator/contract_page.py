"""Writes the page of all RPCs: what each does, who may call it, its JSON path, when it fails, whether to retry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from docs.generator.contract_comments import PACKAGE, JsonPath, RpcComment, RpcText, ServiceText, services
from docs.generator.markdown_text import code, paragraphs, table
from vimesh.rpc.caller_roles import EVERYONE
from vimesh.rpc.rpc_table import RPCS, Rpc

_INTRODUCTION = """# The contract

Every RPC of the package `vimesh.v1`. [Messages](messages.md) has the fields, and [errors](errors.md) what each reason
means. The same is in `gen/vimesh/v1/contract.binpb`, which `grpcurl -protoset` and gRPC libraries can read.

Any call may also fail with `UNAVAILABLE` (`STORE_UNAVAILABLE`), `RESOURCE_EXHAUSTED` (`OVERLOADED`), `INTERNAL`
(`INTERNAL`) and, in a secured fleet, `UNAUTHENTICATED` and `PERMISSION_DENIED` (`ROLE_MISSING`).
"""
_TEXTS_OF_JSON = "Json"
"""End of the name of an RPC that takes the request of another one as JSON text."""


def contract_page() -> str:
    every = list(services())
    table_of_rpcs = {(rpc.service.removeprefix(f"{PACKAGE}."), rpc.method): rpc for rpc in RPCS}
    json_paths = {rpc.method: rpc.json for service in every for rpc in service.rpcs if rpc.json}
    parts = [_INTRODUCTION]
    for service in every:
        parts += [f"## {service.name}\n", f"{paragraphs(service.prose)}\n", _overview(service, json_paths)]
        for rpc in service.rpcs:
            parts.append("\n".join(_section(rpc, table_of_rpcs[service.name, rpc.method], json_paths)))
    return "\n".join(parts)


def _overview(service: ServiceText, json_paths: Mapping[str, Sequence[JsonPath]]) -> str:
    return table(
        ["RPC", "JSON"],
        ([f"[{rpc.method}](#{rpc.method.lower()})", _json(rpc.method, json_paths)] for rpc in service.rpcs),
    )


def _section(text: RpcText, rpc: Rpc, json_paths: Mapping[str, Sequence[JsonPath]]) -> Iterator[str]:
    yield f"### {text.method}\n"
    yield f"{paragraphs(text.comment.prose)}\n"
    yield table(["", ""], _facts(text, rpc, json_paths))
    if text.comment.errors:
        yield table(
            ["error", "`ErrorInfo`", "when"],
            ([error.status, ", ".join(map(_reason_link, error.reasons)), error.when] for error in text.comment.errors),
        )


def _facts(text: RpcText, rpc: Rpc, json_paths: Mapping[str, Sequence[JsonPath]]) -> Iterator[list[str]]:
    stream = "a stream of " if text.streams else ""
    yield ["takes", _message_link(text.request)]
    yield ["returns", f"{stream}{_message_link(text.response)}"]
    yield ["callers", _callers(rpc)]
    if path := _json(text.method, json_paths):
        yield ["JSON", path]
    yield ["time limit", "none" if rpc.time_limit_s is None else f"{rpc.time_limit_s:g} s"]
    yield ["retry", _retry(text.comment)]
    if rpc.repeatable:
        yield ["repeated by the front", "at another conductor, if it failed on the way"]


def _callers(rpc: Rpc) -> str:
    everyone = "every caller with an identity"
    roles = everyone if rpc.callers == EVERYONE else ", ".join(sorted(rpc.callers))
    return f"{roles}; api processes for their callers" if rpc.for_others else roles


def _json(method: str, json_paths: Mapping[str, Sequence[JsonPath]]) -> str:
    """Return the paths of an RPC, or those of the one that takes its request as text; empty if there are none."""
    twin = f"{method}{_TEXTS_OF_JSON}"
    own = ", ".join(code(f"{path.verb} {path.path}") for path in json_paths.get(method, json_paths.get(twin, ())))
    return f"{own}, by [{twin}](#{twin.lower()})" if own and method not in json_paths else own


def _retry(comment: RpcComment) -> str:
    if comment.as_another:
        return f"as [{comment.as_another}](#{comment.as_another.lower()}), which has other errors, too"
    return comment.retry


def _reason_link(reason: str) -> str:
    return f"[`{reason}`](errors.md#{reason.lower()})"


def _message_link(name: str) -> str:
    return f"[{name}](messages.md#{name.lower()})"
