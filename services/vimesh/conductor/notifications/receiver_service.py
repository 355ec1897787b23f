"""Serves ReceiverService: who is told of changes, and what could not be delivered."""

from __future__ import annotations

from typing import Any, Final, TypeVar

import grpc

from vimesh.domain.access.audit_entry import ChangeSubject
from vimesh.domain.errors import BadInput, Violation
from vimesh.domain.notifications.notifications import SHOWN_CHANGES
from vimesh.domain.notifications.receiver_store import NotificationQuery, ReceiverStore
from vimesh.rpc.call_entrance import current_caller, note_change
from vimesh.v1 import receiver_service_pb2 as pb
from vimesh.v1.receiver_service_pb2_grpc import ReceiverServiceServicer
from vimesh.wire import json_requests
from vimesh.wire.message_rules import Rules
from vimesh.wire.notifications.notification_messages import STATES, stored_notification_message
from vimesh.wire.notifications.receiver_messages import new_settings, receiver_message, settings_change
from vimesh.wire.request_messages import id_of, require_path_id

_Context = grpc.aio.ServicerContext[Any, Any]
_PAGE_SIZE: Final = 100
_R = TypeVar("_R", pb.ResendNotificationsRequest, pb.DeleteNotificationsRequest)


class ReceiverServicer(ReceiverServiceServicer):
    def __init__(self, store: ReceiverStore, rules: Rules) -> None:
        self._store = store
        self._rules = rules

    async def CreateReceiver(self, request: pb.CreateReceiverRequest, context: _Context) -> pb.CreateReceiverResponse:
        return pb.CreateReceiverResponse(receiver=await self._create(request))

    async def CreateReceiverJson(
        self, request: pb.CreateReceiverJsonRequest, context: _Context
    ) -> pb.CreateReceiverJsonResponse:
        inner_request = json_requests.parse_plain_request(request.request.data, pb.CreateReceiverRequest())
        self._rules.check(inner_request)
        return pb.CreateReceiverJsonResponse(receiver=await self._create(inner_request))

    async def _create(self, request: pb.CreateReceiverRequest) -> pb.Receiver:
        caller, request_id = current_caller(), id_of(request.request_id)
        subject = _subject(request.validate_only, request_id=request_id, project_id=request.receiver.project_id)
        settings = new_settings(request.receiver, caller)
        subject.project_id = settings.project_id
        receiver = await self._store.create(
            settings, caller, request_id=request_id, validate_only=request.validate_only
        )
        subject.receiver_id = receiver.id
        return receiver_message(receiver)

    async def GetReceiver(self, request: pb.GetReceiverRequest, context: _Context) -> pb.GetReceiverResponse:
        receiver = await self._store.get(id_of(request.receiver_id), current_caller())
        return pb.GetReceiverResponse(receiver=receiver_message(receiver))

    async def ListReceivers(self, request: pb.ListReceiversRequest, context: _Context) -> pb.ListReceiversResponse:
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE)
        receivers, token = await self._store.list_receivers(size, request.page_token, current_caller())
        return pb.ListReceiversResponse(receivers=map(receiver_message, receivers), next_page_token=token)

    async def ModifyReceiver(self, request: pb.ModifyReceiverRequest, context: _Context) -> pb.ModifyReceiverResponse:
        return pb.ModifyReceiverResponse(receiver=await self._modify(request))

    async def ModifyReceiverJson(
        self, request: pb.ModifyReceiverJsonRequest, context: _Context
    ) -> pb.ModifyReceiverJsonResponse:
        inner_request = json_requests.parse_plain_request(request.request.data, pb.ModifyReceiverRequest())
        self._rules.check(inner_request)  # before the id of the path makes a receiver of none
        require_path_id("receiver.id", inner_request.receiver.id, request.receiver_id)
        inner_request.receiver.id = request.receiver_id
        return pb.ModifyReceiverJsonResponse(receiver=await self._modify(inner_request))

    async def _modify(self, request: pb.ModifyReceiverRequest) -> pb.Receiver:
        caller, receiver_id = current_caller(), id_of(request.receiver.id)
        subject = _subject(request.validate_only, receiver_id=receiver_id)
        if not receiver_id:
            raise BadInput(Violation("receiver.id", "is required"))
        change = settings_change(request)
        receiver = await self._store.modify(receiver_id, change, caller, validate_only=request.validate_only)
        subject.project_id = receiver.settings.project_id
        return receiver_message(receiver)

    async def DeleteReceiver(self, request: pb.DeleteReceiverRequest, context: _Context) -> pb.DeleteReceiverResponse:
        receiver_id = id_of(request.receiver_id)
        subject = note_change(receiver_id=receiver_id)
        subject.project_id = await self._store.delete(receiver_id, current_caller())
        return pb.DeleteReceiverResponse()

    async def TestReceiver(self, request: pb.TestReceiverRequest, context: _Context) -> pb.TestReceiverResponse:
        receiver_id = id_of(request.receiver_id)
        subject = note_change(receiver_id=receiver_id)
        notification, subject.project_id = await self._store.queue_test(receiver_id, current_caller())
        return pb.TestReceiverResponse(notification=stored_notification_message(notification))

    async def ListNotifications(
        self, request: pb.ListNotificationsRequest, context: _Context
    ) -> pb.ListNotificationsResponse:
        query = NotificationQuery(
            receiver_id=id_of(request.receiver_id),
            states=[STATES[state] for state in request.states],
            page_size=min(request.page_size or _PAGE_SIZE, _PAGE_SIZE),
            page_token=request.page_token,
        )
        notifications, token = await self._store.list_notifications(query, current_caller())
        return pb.ListNotificationsResponse(
            notifications=map(stored_notification_message, notifications), next_page_token=token
        )

    async def GetNotification(
        self, request: pb.GetNotificationRequest, context: _Context
    ) -> pb.GetNotificationResponse:
        notification = await self._store.get_notification(id_of(request.notification_id), current_caller())
        return pb.GetNotificationResponse(notification=stored_notification_message(notification, SHOWN_CHANGES))

    async def ResendNotifications(
        self, request: pb.ResendNotificationsRequest, context: _Context
    ) -> pb.ResendNotificationsResponse:
        receiver_id, ids = id_of(request.receiver_id), list(map(id_of, request.notification_ids))
        subject = note_change(receiver_id=receiver_id)
        count, subject.project_id = await self._store.resend(receiver_id, ids, current_caller())
        return pb.ResendNotificationsResponse(count=count)

    async def ResendNotificationsJson(
        self, request: pb.ResendNotificationsJsonRequest, context: _Context
    ) -> pb.ResendNotificationsJsonResponse:
        inner_request = self._parse_json(request, pb.ResendNotificationsRequest())
        response = await self.ResendNotifications(inner_request, context)
        return pb.ResendNotificationsJsonResponse(count=response.count)

    async def DeleteNotifications(
        self, request: pb.DeleteNotificationsRequest, context: _Context
    ) -> pb.DeleteNotificationsResponse:
        receiver_id, ids = id_of(request.receiver_id), list(map(id_of, request.notification_ids))
        subject = note_change(receiver_id=receiver_id)
        count, subject.project_id = await self._store.delete_notifications(receiver_id, ids, current_caller())
        return pb.DeleteNotificationsResponse(count=count)

    async def DeleteNotificationsJson(
        self, request: pb.DeleteNotificationsJsonRequest, context: _Context
    ) -> pb.DeleteNotificationsJsonResponse:
        inner_request = self._parse_json(request, pb.DeleteNotificationsRequest())
        response = await self.DeleteNotifications(inner_request, context)
        return pb.DeleteNotificationsJsonResponse(count=response.count)

    def _parse_json(
        self, request: pb.ResendNotificationsJsonRequest | pb.DeleteNotificationsJsonRequest, inner_request: _R
    ) -> _R:
        """Read the text of a request whose path has the id of the receiver. Raises BadInput."""
        json_requests.parse_plain_request(request.request.data, inner_request)
        require_path_id("receiver_id", inner_request.receiver_id, request.receiver_id)
        inner_request.receiver_id = request.receiver_id
        self._rules.check(inner_request)
        return inner_request


def _subject(validate_only: bool, /, **fields: str) -> ChangeSubject:
    """Note what a call is to change, unless it changes nothing."""
    return ChangeSubject() if validate_only else note_change(**fields)
