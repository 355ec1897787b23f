"""Lists every RPC that a conductor serves, read from the descriptors, with good messages to derive odd ones from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from tests.fuzz.doors.good_messages import GOOD
from vimesh.v1 import (
    availability_service_pb2,
    conductor_service_pb2,
    fleet_service_pb2,
    history_service_pb2,
    maintenance_service_pb2,
    notifier_service_pb2,
    receiver_service_pb2,
    vim_service_pb2,
    workflow_service_pb2,
)

_OURS = (
    vim_service_pb2,
    conductor_service_pb2,
    workflow_service_pb2,
    fleet_service_pb2,
    history_service_pb2,
    maintenance_service_pb2,
    availability_service_pb2,
    receiver_service_pb2,
    notifier_service_pb2,
)
_OTHERS = (health_pb2, reflection_pb2)
_HEALTH = "grpc.health.v1.Health"


@dataclass(frozen=True, slots=True)
class Method:
    descriptor: MethodDescriptor
    good: Sequence[Message]

    @property
    def name(self) -> str:
        """The name, unique among all methods."""
        service = self.descriptor.containing_service.name
        return self.descriptor.name if self.ours else f"{service}.{self.descriptor.name}"

    @property
    def path(self) -> str:
        return f"/{self.descriptor.containing_service.full_name}/{self.descriptor.name}"

    @property
    def ours(self) -> bool:
        """Whether the contract is ours: then every refusal has a reason."""
        return self.descriptor.containing_service.full_name.startswith("vimesh.")

    @property
    def of_health_port(self) -> bool:
        """Whether it is also served on the port for health."""
        return self.descriptor.containing_service.full_name == _HEALTH and self.descriptor.name == "Check"

    @property
    def streams(self) -> bool:
        return bool(self.descriptor.server_streaming)

    @property
    def streams_requests(self) -> bool:
        return bool(self.descriptor.client_streaming)

    def answer(self, data: bytes) -> Any:  # noqa: ANN401 - a message of a class that is made here
        """Read an answer. Raises DecodeError."""
        return GetMessageClass(self.descriptor.output_type).FromString(data)


@cache
def methods() -> dict[str, Method]:
    """Return all methods by name."""
    return {method.name: method for method in _methods()}


def _methods() -> Iterator[Method]:
    for module in (*_OURS, *_OTHERS):
        for service in module.DESCRIPTOR.services_by_name.values():
            for descriptor in service.methods:
                yield Method(descriptor, GOOD[descriptor.input_type.full_name])
