"""Describes the JSON door of the front as OpenAPI 3.1. The front answers with it at `/v1/openapi.json`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from docs.generator.contract_comments import JsonPath, RpcText, ServiceText, services
from docs.generator.errors_page import HTTP_STATUSES
from docs.generator.openapi_schemas import STATUS, Schema, reference, schemas
from vimesh.rpc.caller_roles import EVERYONE
from vimesh.rpc.rpc_table import RPCS

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_REFERENCE = re.compile(r'"#/components/schemas/([^"]+)"')
_TEXTS_OF_JSON: Final = "Json"
_WHOLE_REQUEST: Final = "*"
_DESCRIPTION: Final = """JSON over HTTP of a vimesh front. Each operation is named after the RPC that does the same.
Errors are google.rpc.Status with a google.rpc.ErrorInfo of the domain vimesh.v1.
"""


def openapi_text() -> str:
    return json.dumps(openapi_document(), indent=1, ensure_ascii=False) + "\n"


def openapi_document() -> dict[str, Any]:
    """Return the document, as OpenAPI 3.1 has it."""
    every, paths = schemas(), dict[str, dict[str, Schema]]()
    for service in services():
        for rpc in service.rpcs:
            for number, path in enumerate(rpc.json, 1):
                operation = _operation(service, rpc, number) | _input(rpc, path, every[rpc.request])
                paths.setdefault(path.path, {})[path.verb.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "vimesh", "version": "v1", "description": _DESCRIPTION},
        "servers": [{"url": "/", "description": "The front that this document comes from."}],
        "security": [{"certificate": []}, {"token": []}, {}],
        "tags": [{"name": service.name, "description": service.prose} for service in services() if _has_json(service)],
        "paths": paths,
        "components": {
            "schemas": dict(_used(paths, every)),
            "securitySchemes": {
                "certificate": {"type": "mutualTLS"},
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            },
        },
    }


def _used(paths: object, every: Mapping[str, Schema]) -> Iterator[tuple[str, Schema]]:
    """Yield the schemas that the paths lead to, in the order of the contract."""
    names, texts = set[str](), [json.dumps(paths)]
    while texts:
        added = set(_REFERENCE.findall(texts.pop())) - names
        names |= added
        texts += [json.dumps(every[name]) for name in added]
    yield from ((name, schema) for name, schema in every.items() if name in names)


def _has_json(service: ServiceText) -> bool:
    return any(rpc.json for rpc in service.rpcs)


def _operation(service: ServiceText, rpc: RpcText, number: int) -> Schema:
    # What RegisterVimJson takes as text is a RegisterVimRequest.
    method = rpc.method.removesuffix(_TEXTS_OF_JSON)
    whole = next(each for each in service.rpcs if each.method == method)
    return {
        "operationId": method if number == 1 else f"{method}{number}",
        "tags": [service.name],
        "summary": whole.comment.prose.partition(". ")[0].rstrip(".") + ".",
        "description": f"{whole.comment.prose}\n\nCallers: {_callers(service, rpc)}.",
        "responses": {"200": _answer(rpc), **dict(_errors(whole))},
    }


def _input(rpc: RpcText, path: JsonPath, request: Mapping[str, Any]) -> Schema:
    """Return where an operation has the fields of its request: in the path, and the others in a body or in a query."""
    fields, named = request["properties"], _PLACEHOLDER.findall(path.path)
    rest = {name: field for name, field in fields.items() if name not in named}
    in_path = [_parameter(name, "path", fields[name]) | {"required": True} for name in named]
    if not path.body:
        needed = request.get("required", ())
        in_query = (_parameter(name, "query", field) | _required(name in needed) for name, field in rest.items())
        return {"parameters": [*in_path, *in_query]}
    if path.body == _WHOLE_REQUEST:
        body = {"type": "object", "description": request["description"], "properties": rest}
    else:
        body = reference(rpc.request.replace(f"{_TEXTS_OF_JSON}Request", "Request"))
    return {
        "parameters": in_path,
        "requestBody": {"required": path.body != _WHOLE_REQUEST, "content": {"application/json": {"schema": body}}},
    }


def _required(needed: bool) -> Schema:
    return {"required": True} if needed else {}


def _parameter(name: str, place: str, schema: Schema) -> Schema:
    others = {key: value for key, value in schema.items() if key != "description"}
    return {"name": name, "in": place, "description": schema["description"], "schema": others}


def _answer(rpc: RpcText) -> Schema:
    if rpc.streams:
        return {
            "description": "One object for each message, on a line of its own, for as long as the caller listens.",
            "content": {"application/json": {"schema": reference(rpc.response)}},
        }
    return {"description": "Done.", "content": {"application/json": {"schema": reference(rpc.response)}}}


def _errors(rpc: RpcText) -> Iterator[tuple[str, Schema]]:
    numbers = {status.name: number for status, number in HTTP_STATUSES.items()}
    content = {"application/json": {"schema": reference(STATUS)}}
    texts = dict[int, list[str]]()
    for error in rpc.comment.errors:
        if error.reasons:
            texts.setdefault(numbers[error.status], []).append(f"{', '.join(error.reasons)}: {error.when}")
    for number, text in sorted(texts.items()):
        yield str(number), {"description": "\n".join(text), "content": content}
    yield "default", {"description": "Another failure; see `code` and the reason.", "content": content}


def _callers(service: ServiceText, rpc: RpcText) -> str:
    callers = next(each.callers for each in RPCS if each.path == f"/vimesh.v1.{service.name}/{rpc.method}")
    return "every caller with an identity" if callers == EVERYONE else ", ".join(sorted(callers))
