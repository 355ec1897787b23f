"""The table of RPCs holds what the contract has."""

from __future__ import annotations

from vimesh.rpc.rpc_table import COMMON_RPCS, RPCS
from vimesh.v1 import (
    access_service_pb2,
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

CONTRACT = {
    (service.full_name, method.name): method.server_streaming
    for file in (
        access_service_pb2,
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
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}


def test_each_rpc_of_the_contract_has_one_row() -> None:
    assert sorted((rpc.service, rpc.method) for rpc in RPCS) == sorted(CONTRACT)


def test_each_rpc_is_for_someone() -> None:
    # A secured front refuses an RPC without roles to everyone.
    assert [rpc.path for rpc in (*RPCS, *COMMON_RPCS) if not rpc.callers] == []


def test_streams_have_no_time_limit_and_all_others_have() -> None:
    for rpc in RPCS:
        assert (rpc.time_limit_s is None) is CONTRACT[rpc.service, rpc.method], rpc.method
