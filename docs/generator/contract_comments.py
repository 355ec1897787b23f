"""Reads the RPCs and messages of the contract, with their comments, from the descriptors in `gen/`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

from google.api import annotations_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto

_DESCRIPTORS: Final = Path(__file__).parents[2] / "gen/vimesh/v1/contract.binpb"
PACKAGE: Final = "vimesh.v1"
_ERROR = re.compile(r"([A-Z_]+(?:, or [A-Z_]+)?)(?: \(([A-Z_]+(?:, [A-Z_]+)*)\)| without an ErrorInfo): (.*)")
_RETRY: Final = "Retry: "
_JSON: Final = "JSON: "
_AS_ANOTHER: Final = "Other errors and retries: "
_SERVICES_PATH: Final = 6
"""Number of `service` in FileDescriptorProto: paths of comments begin with it, and go on with `method`, which is 2."""
_METHODS_PATH: Final = 2
_VERBS: Final = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class RpcError:
    status: str
    reasons: tuple[str, ...]
    """Those of its ErrorInfo; none if it has no ErrorInfo."""
    when: str


@dataclass(slots=True)
class RpcComment:
    prose: str = ""
    errors: list[RpcError] = field(default_factory=list)
    retry: str = ""
    as_another: str = ""
    """Which RPC has the other errors, and can be repeated like this one."""


@dataclass(frozen=True, slots=True)
class JsonPath:
    verb: str
    path: str
    body: str


@dataclass(frozen=True, slots=True)
class RpcText:
    service: str
    method: str
    request: str
    response: str
    streams: bool
    json: tuple[JsonPath, ...]
    comment: RpcComment


@dataclass(frozen=True, slots=True)
class ServiceText:
    name: str
    prose: str
    rpcs: tuple[RpcText, ...]


@cache
def contract_files() -> tuple[FileDescriptorProto, ...]:
    """Return the files of our own package."""
    every = FileDescriptorSet.FromString(_DESCRIPTORS.read_bytes())
    return tuple(file for file in every.file if file.package == PACKAGE)


def comments_of(file: FileDescriptorProto) -> dict[tuple[int, ...], str]:
    """Return the comments above the parts of a file, by the paths of SourceCodeInfo."""
    return {tuple(at.path): _unindented(at.leading_comments) for at in file.source_code_info.location}


def services() -> Iterator[ServiceText]:
    for file in contract_files():
        comments = comments_of(file)
        for number, service in enumerate(file.service):
            place = (_SERVICES_PATH, number)
            rpcs = (
                _rpc(service.name, method, comments.get((*place, _METHODS_PATH, index), ""))
                for index, method in enumerate(service.method)
            )
            yield ServiceText(service.name, comments.get(place, ""), tuple(rpcs))


def short_name(type_name: str) -> str:
    """Return a name without our package: `Vim` for `.vimesh.v1.Vim`."""
    return type_name.removeprefix(".").removeprefix(f"{PACKAGE}.")


def _rpc(service: str, method: MethodDescriptorProto, comment: str) -> RpcText:
    return RpcText(
        service,
        method.name,
        short_name(method.input_type),
        short_name(method.output_type),
        method.server_streaming,
        tuple(_json_paths(method)),
        parse_comment(comment),
    )


def _json_paths(method: MethodDescriptorProto) -> Iterator[JsonPath]:
    if method.options.HasExtension(annotations_pb2.http):
        rule = method.options.Extensions[annotations_pb2.http]
        for binding in (rule, *rule.additional_bindings):
            verb = binding.WhichOneof("pattern")
            if verb not in _VERBS:
                raise ValueError(f"{method.name} has a path for {verb}")
            yield JsonPath(verb.upper(), getattr(binding, verb), binding.body)


def parse_comment(comment: str) -> RpcComment:
    """Tell prose, errors and advice on retries apart. Each but the prose begins a line with a word of its own."""
    parsed, prose = RpcComment(), list[str]()
    for block in _blocks(comment.splitlines()):
        if error := _ERROR.fullmatch(block):
            parsed.errors.append(RpcError(error[1], tuple(error[2].split(", ") if error[2] else ()), error[3]))
        elif block.startswith(_RETRY):
            parsed.retry = block.removeprefix(_RETRY)
        elif block.startswith(_AS_ANOTHER):
            parsed.as_another = block.removeprefix(_AS_ANOTHER).removeprefix("as ").rstrip(".")
        elif not block.startswith(_JSON):  # the annotation says the same
            prose.append(block)
    parsed.prose = "\n\n".join(prose)
    return parsed


def _blocks(lines: Iterable[str]) -> Iterator[str]:
    """Yield paragraphs, entries and items of lists, each as one line."""
    block = list[str]()
    for line in lines:
        begins = _ERROR.fullmatch(line) or line.startswith((_RETRY, _JSON, _AS_ANOTHER))
        if block and (begins or not line):
            yield " ".join(block)
            block = []
        if line:
            block.append(line)
    if block:
        yield " ".join(block)


def _unindented(comment: str) -> str:
    return "\n".join(line.strip() for line in comment.splitlines())
