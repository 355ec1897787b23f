"""Takes away what one document made in a fleet, before the next one begins."""

from __future__ import annotations

from vimesh.client import AsyncClient
from vimesh.v1.maintenance_service_pb2 import EndMaintenanceWindowRequest, ListMaintenanceWindowsRequest
from vimesh.v1.receiver_service_pb2 import DeleteReceiverRequest, ListReceiversRequest


async def empty_fleet(address: str) -> None:
    """Deregister the VIMs, end the maintenance windows and delete the receivers of the fleet at `address`.

    A document has few of them: what one page of a list has is all.
    """
    async with AsyncClient.connect(address, environment={}) as client:
        maintenance, receivers = client.stubs.maintenance, client.stubs.receivers
        async for vim in client.vims.list():
            await client.vims.deregister(vim.id)
        for window in (await client.call(maintenance.ListMaintenanceWindows, ListMaintenanceWindowsRequest())).windows:
            await client.call(maintenance.EndMaintenanceWindow, EndMaintenanceWindowRequest(window_id=window.id))
        for receiver in (await client.call(receivers.ListReceivers, ListReceiversRequest())).receivers:
            await client.call(receivers.DeleteReceiver, DeleteReceiverRequest(receiver_id=receiver.id))
