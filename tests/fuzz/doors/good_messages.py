"""Makes correct requests, by the name of their type: odd ones must start close to what is accepted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from google.api import httpbody_pb2
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from tests.fuzz.doors.known_vims import UNIQUE, VIM_IDS, registration
from vimesh.domain.history.round_digests import record_of
from vimesh.v1 import action_pb2, explanation_pb2, vim_pb2
from vimesh.v1 import availability_service_pb2 as av
from vimesh.v1 import conductor_service_pb2 as cs
from vimesh.v1 import fleet_service_pb2 as fs
from vimesh.v1 import history_service_pb2 as hs
from vimesh.v1 import maintenance_service_pb2 as ms
from vimesh.v1 import notifier_service_pb2 as ns
from vimesh.v1 import receiver_service_pb2 as rs
from vimesh.v1 import vim_service_pb2 as vs
from vimesh.v1 import workflow_service_pb2 as ws
from vimesh.v1.condition_pb2 import Certificate, Condition

_FIRST, _SECOND, _LAST = VIM_IDS[0], VIM_IDS[1], VIM_IDS[-1]
_UNIQUE: Final = UNIQUE.decode()
_CREDENTIALS: Final = {"username": "nfv", "password": "s3cret", "cert_verify": "True", "list": [1, None, {"a": True}]}


def _struct(content: dict[str, Any]) -> Struct:
    made = Struct()
    made.update(content)
    return made


def vim(**fields: Any) -> vim_pb2.Vim:  # noqa: ANN401 - fields of a VIM
    policy = vim_pb2.ProbePolicy(
        method=vim_pb2.ProbePolicy.HTTP, interval=Duration(seconds=10), timeout=Duration(seconds=2), fall=3, rise=2
    )
    return vim_pb2.Vim(
        **{
            "type": "openstack",
            "auth_url": "http://127.0.0.1:1/v3",
            "description": "for a fuzzer",
            "vim_project": _struct({"name": "nfv"}),
            "auth_cred": _struct(_CREDENTIALS),
            "placement_attr": _struct({"regions": ["RegionOne"]}),
            "extra": _struct({"a": [1.5, "b", {"c": None}]}),
            "probe_policy": policy,
            "labels": {"region": "eu", "example.com/owner": ""},
            **fields,
        }
    )


def _register(name: str) -> vs.RegisterVimRequest:
    return vs.RegisterVimRequest(vim=vim(name=name), engine=vim_pb2.Monitor.EXTERNAL)


def _modify() -> Sequence[vs.ModifyVimRequest]:
    mask = FieldMask(paths=["description", "probe_policy.interval", "extra"])
    return (
        vs.ModifyVimRequest(vim=vim(id=_FIRST, name=_FIRST)),
        vs.ModifyVimRequest(vim=vim(id=_SECOND, name=_SECOND), update_mask=mask),
        vs.ModifyVimRequest(vim=vim_pb2.Vim(id=_FIRST), engine=vim_pb2.Monitor.EXTERNAL),
    )


def report(vim_id: str, observation: int) -> cs.UpdateVimRequest:
    return cs.UpdateVimRequest(
        vim_id=vim_id,
        action_id=vim_id,
        status=vim_pb2.Vim.UNREACHABLE,
        observation=observation,
        reason="TIMEOUT",
        detail="no answer within 2 s",
        round_trip=Duration(nanos=1_500_000),
        age=Duration(seconds=3),
    )


def _body(text: str) -> httpbody_pb2.HttpBody:
    return httpbody_pb2.HttpBody(content_type="application/json", data=text.encode())


_REGISTER_JSON = json.dumps(
    {
        "vim": {
            "name": f"by-json-{_UNIQUE}",
            "type": "openstack",
            "auth_url": "http://127.0.0.1:1/",
            "extra": {"a": [1, {}]},
        },
        "engine": "EXTERNAL",
    }
)
_MODIFY_JSON = json.dumps({"vim": {"description": "b", "extra": {"a": 1}}, "update_mask": "description,extra"})
_MODIFY_MANY_JSON = json.dumps({"vim_ids": VIM_IDS[:2], "vim": {"description": "b"}, "update_mask": "description"})
_DEREGISTER_MANY_JSON = json.dumps({"filter": "type = kubernetes", "validate_only": True})

_WINDOW: Final = ms.MaintenanceWindow(
    filter='name = "a*b"',
    duration=Duration(seconds=3600),
    rrule="FREQ=MONTHLY;BYDAY=2TU;COUNT=3",
    time_zone="Europe/Berlin",
    reason="a fuzzer",
)
_WINDOW_JSON = json.dumps({"window": {"filter": "is_default = true", "duration": "60s", "reason": "a fuzzer"}})

# Nothing is sent to it: it is disabled.
_RECEIVER: Final = rs.Receiver(
    name="a fuzzer",
    filter='name = "a*b"',
    statuses=[vim_pb2.Vim.UNKNOWN],
    group_by=["labels.region", "reason"],
    group_wait=Duration(seconds=1),
    repeat_interval=Duration(seconds=600),
    resolved=True,
    disabled=True,
    webhook=rs.WebhookTarget(
        url="https://127.0.0.1:1/secret",
        headers={"X-Token": "***"},
        body_template="{{ headline }}",
        method=rs.WebhookTarget.PUT,
    ),
)
_PLACE: Final = action_pb2.PoolPlace(vantage="default", capacity=2)
_EMAIL: Final = rs.EmailTarget(
    smtp_host="127.0.0.1", tls=rs.EmailTarget.NONE, from_address="a@b.example", to=["c@d.example"], smtp_port=25
)
_RECEIVER_JSON = json.dumps(
    {
        "receiver": {
            "name": f"r-{_UNIQUE}",
            "disabled": True,
            "groupInterval": "60s",
            "alertmanager": {"urls": ["https://127.0.0.1:1"], "labels": {"team": "a"}, "bearerToken": "b"},
        }
    }
)
_CHANGE: Final = rs.NotificationChange(
    revision=7,
    kind=rs.NotificationChange.PROBLEM,
    vim_id=_FIRST,
    vim_name="a",
    labels={"region": "eu"},
    status=vim_pb2.Vim.UNREACHABLE,
    reason="TIMEOUT",
    time=Timestamp(seconds=86400),
    since=Timestamp(seconds=86399),
)
_NOTIFICATION: Final = rs.Notification(
    id=_SECOND,
    receiver_id=_FIRST,
    kind=rs.Notification.CHANGES,
    group_key="{}",
    group={"reason": "TIMEOUT"},
    vim_count=1,
    changes=[_CHANGE],
)
_NOTICE: Final = ns.Notice(
    vim_id=_FIRST, vim_name="a", group_key="{}", status=vim_pb2.Vim.UNKNOWN, revision=7, since=Timestamp(seconds=86399)
)

_FILTERED_WATCH = vs.WatchVimsRequest(vim_id=_FIRST, filter="status != PENDING")
_MESSAGES: Sequence[Sequence[Message]] = (
    (_register(f"fuzzed-{_UNIQUE}"), registration(_LAST)),
    (vs.RegisterVimsRequest(requests=[_register(f"one-{_UNIQUE}"), _register(f"two-{_UNIQUE}"), registration(_LAST)]),),
    (
        vs.ApplyVimsRequest(
            apply_set="fuzzed",
            vims=[
                vs.VimToApply(
                    vim=registration(_LAST).vim,
                    update_mask=FieldMask(paths=["auth_url", "type", "labels.region"]),
                    engine=vim_pb2.Monitor.EXTERNAL,
                ),
                vs.VimToApply(vim=vim_pb2.Vim(name="gone"), absent=True, etag="e"),
            ],
            adopt=True,
            force=True,
        ),
        vs.ApplyVimsRequest(apply_set="fuzzed", vims=[vs.VimToApply(vim=registration(_LAST).vim)], validate_only=True),
    ),
    (vs.GetVimRequest(vim_id=_FIRST),),
    (
        vs.ListVimsRequest(page_size=1000),
        vs.ListVimsRequest(filter='status = UNKNOWN AND name = "a*b"', order_by="status_time desc", page_size=7),
    ),
    (
        vs.SummarizeVimsRequest(group_by=["labels.region", "status"]),
        vs.SummarizeVimsRequest(filter="NOT (labels.region = eu OR reason:TIME)", group_by=["project_id"]),
    ),
    _modify(),
    (vs.DeregisterVimRequest(vim_id=_LAST), vs.DeregisterVimRequest(vim_id=_LAST, validate_only=True)),
    (vs.BatchGetVimsRequest(vim_ids=[_FIRST, _LAST]),),
    (
        vs.ModifyVimsRequest(
            vim_ids=[_FIRST, _SECOND],
            vim=vim_pb2.Vim(labels={"region": "eu"}, description="b"),
            update_mask=FieldMask(paths=["labels.region", "labels.old", "description"]),
        ),
        vs.ModifyVimsRequest(filter='name = "a*b"', vim=vim_pb2.Vim(description="b"), validate_only=True),
    ),
    (
        vs.DeregisterVimsRequest(vim_ids=[_LAST]),
        vs.DeregisterVimsRequest(filter="type = kubernetes", validate_only=True),
    ),
    (vs.RegisterVimJsonRequest(request=_body(_REGISTER_JSON)),),
    (vs.ModifyVimJsonRequest(vim_id=_FIRST, request=_body(_MODIFY_JSON)),),
    (vs.ModifyVimsJsonRequest(request=_body(_MODIFY_MANY_JSON)),),
    (vs.DeregisterVimsJsonRequest(request=_body(_DEREGISTER_MANY_JSON)),),
    (
        vs.WatchVimsRequest(snapshot=True),
        vs.WatchVimsRequest(start_revision=1),
        vs.WatchVimsRequest(vim_id=_FIRST, filter="status != PENDING"),
    ),
    (vs.ListVimEventsRequest(page_size=1000), vs.ListVimEventsRequest(vim_id=_FIRST, page_size=3, filter="name:a")),
    (report(_FIRST, 0), report(_SECOND, 7)),
    (cs.UpdateVimsRequest(reports=[report(vim_id, 0) for vim_id in VIM_IDS[:4]]),),
    (
        cs.ReportConditionsRequest(
            vims=[
                cs.VimConditions(
                    vim_id=_FIRST,
                    action_id=_FIRST,
                    conditions=[
                        Condition(type="Endpoint/compute", status=Condition.FALSE, reason="HTTP_503", message="busy"),
                        Condition(type="CertificateValid", status=Condition.TRUE),
                    ],
                    certificate=Certificate(
                        subject="CN=a",
                        issuer="CN=b",
                        names=["a.example.org"],
                        not_before=Timestamp(seconds=1),
                        not_after=Timestamp(seconds=2_000_000_000),
                        sha256="0" * 64,
                        verified=True,
                    ),
                    catalogue=["compute"],
                )
            ]
        ),
    ),
    (
        cs.WatchActionsRequest(engine=vim_pb2.Monitor.EXTERNAL, shard_count=1),
        cs.WatchActionsRequest(start_revision=1),
        cs.WatchActionsRequest(pool=cs.PoolMember(monitor_id=_SECOND, place=_PLACE), assignment="0af1"),
    ),
    (
        cs.ServeProbesRequest(monitor_id=_SECOND, ready=True),
        cs.ServeProbesRequest(answers=[cs.ProbeAnswer(probe_id=1, status=vim_pb2.Vim.REACHABLE, reason="TIMEOUT")]),
    ),
    (
        cs.ConfirmFailuresRequest(
            monitor_id=_SECOND,
            vims=[cs.FailedVim(vim_id=_FIRST, action_id=_FIRST, patience=Duration(nanos=200_000_000))],
        ),
    ),
    (cs.GetVimCredentialsRequest(vim_id=_FIRST, action_id=_FIRST),),
    (vs.ProbeVimRequest(vim_id=_FIRST),),
    (explanation_pb2.ExplainVimRequest(vim_id=_FIRST),),
    (ws.ClaimWorkflowTasksRequest(claimant="fuzzer", max_tasks=10, lease=Duration(seconds=1)),),
    (ws.FinishWorkflowTaskRequest(task_id=_FIRST, claim_token="a", error="b", retry_after=Duration(seconds=1)),),
    (
        fs.ReportProcessRequest(
            process_id=_FIRST,
            kind=fs.FleetProcess.MONITOR,
            host="here",
            pid=1,
            version="0.1.0",
            uptime=Duration(seconds=1),
            loop_lag=Duration(nanos=1),
            facts={"actions": "7"},
            pool=_PLACE,
        ),
    ),
    (fs.GetFleetStatusRequest(),),
    (fs.ListMonitorsRequest(),),
    (fs.DrainMonitorRequest(monitor_id=_FIRST, undo=True),),
    (fs.ListCausesRequest(page_size=10, ended=True),),
    (fs.GetCauseRequest(cause_id=_FIRST),),
    (
        ms.CreateMaintenanceWindowRequest(window=_WINDOW, validate_only=True),
        ms.CreateMaintenanceWindowRequest(
            window=ms.MaintenanceWindow(vim_ids=VIM_IDS[:3], duration=Duration(seconds=1), reason="a fuzzer")
        ),
    ),
    (ms.CreateMaintenanceWindowJsonRequest(request=_body(_WINDOW_JSON)),),
    (ms.GetMaintenanceWindowRequest(window_id=_FIRST),),
    (ms.ListMaintenanceWindowsRequest(page_size=7, ended=True),),
    (ms.EndMaintenanceWindowRequest(window_id=_FIRST),),
    (
        rs.CreateReceiverRequest(receiver=_RECEIVER, validate_only=True),
        rs.CreateReceiverRequest(
            receiver=rs.Receiver(name=f"r-{_UNIQUE}", disabled=True, email=_EMAIL), request_id=_LAST
        ),
    ),
    (rs.CreateReceiverJsonRequest(request=_body(_RECEIVER_JSON)),),
    (rs.GetReceiverRequest(receiver_id=_FIRST),),
    (rs.ListReceiversRequest(page_size=7),),
    (
        rs.ModifyReceiverRequest(
            receiver=rs.Receiver(id=_FIRST, filter="is_default = true", email=_EMAIL),
            update_mask=FieldMask(paths=["filter", "email"]),
        ),
    ),
    (rs.ModifyReceiverJsonRequest(receiver_id=_FIRST, request=_body('{"receiver": {"groupBy": ["type"]}}')),),
    (rs.DeleteReceiverRequest(receiver_id=_FIRST),),
    (rs.TestReceiverRequest(receiver_id=_FIRST),),
    (rs.ListNotificationsRequest(receiver_id=_FIRST, states=[rs.Notification.DEAD], page_size=3),),
    (rs.GetNotificationRequest(notification_id=_FIRST),),
    (rs.ResendNotificationsRequest(receiver_id=_FIRST, notification_ids=[_SECOND]),),
    (rs.ResendNotificationsJsonRequest(receiver_id=_FIRST, request=_body(f'{{"notification_ids": ["{_SECOND}"]}}')),),
    (rs.DeleteNotificationsRequest(receiver_id=_FIRST, notification_ids=[_SECOND]),),
    (rs.DeleteNotificationsJsonRequest(receiver_id=_FIRST, request=_body("{}")),),
    (
        ns.AcquireReceiversRequest(notifier_id="fuzzer"),
        ns.AcquireReceiversRequest(
            notifier_id="fuzzer",
            claims=[ns.ReceiverClaim(receiver_id=_FIRST, claim=1, version=1)],
            release_receiver_ids=[_FIRST],
            renew_only=True,
        ),
    ),
    (ns.ListNoticesRequest(receiver_id=_FIRST, notifier_id="fuzzer", claim=1),),
    (ns.ListQueuedNotificationsRequest(receiver_id=_FIRST, notifier_id="fuzzer", claim=1),),
    (
        ns.RecordDeliveryRequest(
            receiver_id=_FIRST,
            notifier_id="fuzzer",
            claim=1,
            revision=7,
            notices=[_NOTICE],
            dead_notification=_NOTIFICATION,
            outcomes=[ns.QueuedOutcome(notification_id=_SECOND, attempts=2, error="a")],
            error="b",
            pending_since=Timestamp(seconds=86399),
        ),
    ),
    (
        av.QueryAvailabilityRequest(
            filter='name = "lab*"',
            start_time=Timestamp(seconds=86400),
            end_time=Timestamp(seconds=3 * 86400),
            by=["id", "labels.region", "day"],
            page_size=3,
        ),
    ),
    (
        hs.ListSamplesRequest(vim_id=_FIRST, resolution=Duration(seconds=600)),
        hs.ListSamplesRequest(vim_id=_FIRST, start_time=Timestamp(seconds=1), end_time=Timestamp(seconds=900_000)),
    ),
    (
        hs.RecordDigestsRequest(
            actions=[
                hs.ActionDigests(vim_id=_FIRST, action_id=_SECOND, digests=record_of(29_000_000, [0.002, 0.2], 1, 4))
            ]
        ),
        hs.RecordDigestsRequest(),
    ),
    (health_pb2.HealthCheckRequest(service="vimesh.v1.VimService"), health_pb2.HealthCheckRequest()),
    (
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol="vimesh.v1.Vim"),
        reflection_pb2.ServerReflectionRequest(file_by_filename="vimesh/v1/vim.proto"),
    ),
)
GOOD: Final = {messages[0].DESCRIPTOR.full_name: messages for messages in _MESSAGES}
