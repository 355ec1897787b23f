"""Serves reflection, so that grpcurl and similar tools need no proto files."""

from __future__ import annotations

from collections.abc import Sequence

import grpc
from google.protobuf import descriptor_pool, text_format
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha import reflection, reflection_pb2
from grpc_reflection.v1alpha._async import ReflectionServicer
from grpc_reflection.v1alpha.reflection_pb2_grpc import add_ServerReflectionServicer_to_server

# The v1 protocol is v1alpha under another name. The library serves only the old one, and new clients try the new one
# first.
_V1 = "grpc.reflection.v1.ServerReflection"


def enable_reflection(services: Sequence[str], server: grpc.aio.Server) -> None:
    """Serve reflection v1 and v1alpha for these services, on the server or on a wrapper of it."""
    _add_v1_descriptor()
    names = (*services, _V1, reflection.SERVICE_NAME)
    servicer = ReflectionServicer(names)
    # Do not use the library's own function: it takes a wrapper of a server for a server with threads.
    add_ServerReflectionServicer_to_server(servicer, server)
    info = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_V1, {"ServerReflectionInfo": info}),))


def _add_v1_descriptor() -> None:
    """Let the pool know v1, too: a client that lists the methods of all services asks for its file."""
    file = FileDescriptorProto()
    reflection_pb2.DESCRIPTOR.CopyToProto(file)
    text = text_format.MessageToString(file).replace("v1alpha", "v1")
    descriptor_pool.Default().Add(text_format.Parse(text, FileDescriptorProto()))
