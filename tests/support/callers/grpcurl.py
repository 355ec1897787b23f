"""A small client with the arguments of grpcurl that the documents use, for machines without it. Reads no proto files.

Usage: grpcurl -plaintext [-d JSON] ADDRESS list [SERVICE] | describe SYMBOL | SERVICE/METHOD
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import grpc
from google.protobuf import json_format
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

_LIMIT_S = 20


def answers(channel: grpc.Channel, words: list[str], data: str) -> Iterator[str]:
    """Yield what grpcurl would print. Raises RpcError, KeyError for an unknown name, ParseError for wrong JSON."""
    database = ProtoReflectionDescriptorDatabase(channel)
    pool = DescriptorPool(database)
    match words:
        case ["list"]:
            yield from sorted(database.get_services())
        case ["list", service]:
            yield from (method.full_name for method in pool.FindServiceByName(service).methods)
        case ["describe", service]:
            yield f"{service} is a service:"
            yield from (f"  rpc {_signature(method)}" for method in pool.FindServiceByName(service).methods)
        case [call]:
            service, _, method = call.partition("/")
            yield from _call(channel, pool.FindServiceByName(service).methods_by_name[method], data)
        case _:
            sys.exit(f"grpcurl: not understood: {words}")


def _signature(method: MethodDescriptor) -> str:
    asked, said = method.input_type.full_name, method.output_type.full_name
    return f"{method.name} ( .{asked} ) returns ( {'stream ' * method.server_streaming}.{said} );"


def _call(channel: grpc.Channel, method: MethodDescriptor, data: str) -> Iterator[str]:
    request = json_format.ParseDict(json.loads(data), GetMessageClass(method.input_type)())
    kind = channel.unary_stream if method.server_streaming else channel.unary_unary
    call = kind(
        f"/{method.containing_service.full_name}/{method.name}",
        request_serializer=type(request).SerializeToString,
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )
    answer: Any = call(request, timeout=_LIMIT_S)
    messages: Iterable[Message] = answer if method.server_streaming else [answer]
    for message in messages:
        # As grpcurl does where descriptors come by reflection from Python: they have no names for JSON.
        yield json_format.MessageToJson(message, preserving_proto_field_name=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="grpcurl", description=__doc__)
    parser.add_argument("-plaintext", action="store_true", required=True)
    parser.add_argument("-d", default="{}")
    parser.add_argument("address")
    parser.add_argument("words", nargs="+")
    wanted = parser.parse_args()
    with grpc.insecure_channel(wanted.address) as channel:
        for answer in answers(channel, wanted.words, wanted.d):
            print(answer)


if __name__ == "__main__":
    main()
