"""Converts VIMs between the domain and their messages: each field is named here, and nowhere else in `wire`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from google.api import field_behavior_pb2
from google.protobuf.struct_pb2 import Struct

from vimesh.domain import vims
from vimesh.domain.actions import workflow_name
from vimesh.domain.endpoints import AuthUrlInvalid, without_credentials
from vimesh.domain.errors import BadInput, Violation
from vimesh.domain.labels.label_change import LabelChange
from vimesh.domain.labels.label_syntax import violations
from vimesh.domain.probing import Depth, Method, PolicyChange, ProbePolicy
from vimesh.v1 import vim_pb2
from vimesh.wire.conditions.condition_messages import certificate_message, condition_message
from vimesh.wire.free_form import fill, read_values
from vimesh.wire.wire_durations import duration, seconds, timestamp

DEFAULT_PROJECT: Final = "default"
_DEFAULT_POLICY: Final = ProbePolicy()

CAUSE_KIND_VALUES: Final = {kind: vim_pb2.VimCause.Kind.Value(kind.value) for kind in vims.CauseKind}
STATUS_VALUES: Final = {status: vim_pb2.Vim.Status.Value(status.value) for status in vims.Status}
STATUSES: Final = {value: status for status, value in STATUS_VALUES.items()}
ENGINE_VALUES: Final = {engine: vim_pb2.Monitor.Engine.Value(engine.value) for engine in vims.Engine}
ENGINES: Final = {value: engine for engine, value in ENGINE_VALUES.items()}
_STATE_VALUES: Final = {state: vim_pb2.Monitor.State.Value(state.value) for state in vims.MonitorState}
_METHOD_VALUES: Final = {method: vim_pb2.ProbePolicy.Method.Value(method.value) for method in Method}
_METHODS: Final = {value: method for method, value in _METHOD_VALUES.items()}
_DEPTH_VALUES: Final = {depth: vim_pb2.ProbePolicy.Depth.Value(depth.value or "DEPTH_UNSPECIFIED") for depth in Depth}
_DEPTHS: Final = {value: depth for depth, value in _DEPTH_VALUES.items()}

# A client may send an etag back, but only to guard a change.
_SET_BY_SERVER: Final = {"etag"} | {
    field.name
    for field in vim_pb2.Vim.DESCRIPTOR.fields
    if field_behavior_pb2.OUTPUT_ONLY in field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
}
_INPUT: Final = [field for field in vim_pb2.Vim.DESCRIPTOR.fields if field.name not in _SET_BY_SERVER]
INPUT_FIELDS: Final = tuple(field.name for field in _INPUT)
"""The fields that a registration sets, in the order of the contract."""
TEXT_FIELDS: Final = tuple(field.name for field in _INPUT if field.type == field.TYPE_STRING)
FREE_FORM_FIELDS: Final = tuple(field.name for field in _INPUT if field.message_type is Struct.DESCRIPTOR)
_REQUIRED: Final = {"name": "is required", "type": "is required: openstack or kubernetes", "auth_url": "is required"}
"""The fields without which no VIM is registered. A rule in the proto, on a whole message, would cost as much as reading
the message, because the validator makes a copy for it."""
LABEL_PATH: Final = "labels."
"""What precedes the key of a label in a field mask."""
MAX_VIOLATIONS: Final = 16
"""Maximum number of violations in an answer."""
MODIFIABLE_FIELDS: Final = tuple(name for name in INPUT_FIELDS if name != "project_id")


def free_form_fields(vim: vim_pb2.Vim) -> dict[str, Struct]:
    """Return the free-form fields that are present, by name, in the order of the contract. Most VIMs have one."""
    return {name: getattr(vim, name) for name in FREE_FORM_FIELDS if vim.HasField(name)}  # type: ignore[arg-type]  # by name


def registration(
    vim: vim_pb2.Vim, *, read_policy: Callable[[], ProbePolicy], engine: vims.Engine, request_id: str, vim_id: str
) -> vims.Registration:
    """Read the fields of a new VIM, the policy last: of several mistakes, the first is reported. Raises BadInput."""
    if missing := [Violation(f"vim.{name}", text) for name, text in _REQUIRED.items() if not getattr(vim, name)]:
        raise BadInput(*missing)
    auth_url = _auth_url(vim.auth_url)
    values = {field: read_values(f"vim.{field}", struct) for field, struct in free_form_fields(vim).items()}
    return vims.Registration(
        name=vim.name,
        type=vim.type,
        auth_url=auth_url,
        project_id=vim.project_id or DEFAULT_PROJECT,
        description=vim.description,
        is_default=vim.is_default,
        vim_project=values.get("vim_project", {}),
        auth_cred=values.get("auth_cred", {}),
        placement_attr=values.get("placement_attr", {}),
        extra=values.get("extra", {}),
        policy=read_policy(),
        engine=engine,
        request_id=request_id,
        vim_id=vim_id,
        labels=labels_from_message(vim),
    )


def modification(
    vim: vim_pb2.Vim,
    paths: frozenset[str],
    *,
    read_policy: Callable[[], ProbePolicy | PolicyChange | None],
    engine: vims.Engine | None,
    etag: str,
) -> vims.Modification:
    """Read the fields that `paths` names, the policy last. Raises BadInput."""

    def struct(field: str) -> Mapping[str, object] | None:
        return read_values(f"vim.{field}", getattr(vim, field)) if field in paths else None

    required = {field: getattr(vim, field) for field in ("name", "type", "auth_url") if field in paths}
    missing = [Violation(f"vim.{field}", "must not be empty") for field, value in required.items() if not value]
    if missing:
        raise BadInput(*missing)
    return vims.Modification(
        name=required.get("name"),
        description=vim.description if "description" in paths else None,
        type=required.get("type"),
        auth_url=_auth_url(vim.auth_url) if "auth_url" in paths else None,
        vim_project=struct("vim_project"),
        auth_cred=struct("auth_cred"),
        is_default=vim.is_default if "is_default" in paths else None,
        placement_attr=struct("placement_attr"),
        extra=struct("extra"),
        policy=read_policy(),
        engine=engine,
        etag=etag,
        labels=labels_from_message(vim) if "labels" in paths else _label_change(vim, paths),
    )


def labels_from_message(vim: vim_pb2.Vim) -> dict[str, str]:
    """Return the labels. Raises BadInput, which names the wrong ones."""
    labels = dict(vim.labels) if vim.labels else {}
    if wrong := violations(labels):
        raise BadInput(*wrong[:MAX_VIOLATIONS])
    return labels


def _label_change(vim: vim_pb2.Vim, paths: frozenset[str]) -> LabelChange | None:
    """Read the labels that `paths` names; one that is named but not set is removed. Raises BadInput."""
    keys = [path.removeprefix(LABEL_PATH) for path in paths if path.startswith(LABEL_PATH)]
    if not keys:
        return None
    labels = labels_from_message(vim)
    return LabelChange({key: labels[key] for key in keys if key in labels}, frozenset(keys) - labels.keys())


def _auth_url(text: str) -> str:
    try:
        return without_credentials(text)
    except AuthUrlInvalid as error:
        raise BadInput(Violation("vim.auth_url", str(error))) from None


def vim_message(vim: vims.Vim) -> vim_pb2.Vim:
    message = vim_pb2.Vim(
        id=vim.id,
        project_id=vim.project_id,
        name=vim.name,
        description=vim.description,
        type=vim.type,
        auth_url=vim.auth_url,
        is_default=vim.is_default,
        probe_policy=policy_message(vim.policy),
        status=STATUS_VALUES[vim.status],
        reason=vim.reason,
        detail=vim.detail,
        status_time=timestamp(vim.status_time),
        valid_until=timestamp(vim.valid_until) if vim.valid_until else None,
        monitor=_monitor_message(vim.id, vim.monitor),
        revision=vim.revision,
        etag=vim.etag,
        create_time=timestamp(vim.create_time),
        update_time=timestamp(vim.update_time),
        maintenance=maintenance_message(vim.maintenance) if vim.maintenance else None,
        flapping=vim.flapping,
        applied=_applied_message(vim.applied) if vim.applied else None,
        views=map(view_message, vim.views),
        cause=_cause_message(vim.cause) if vim.cause else None,
        conditions=map(condition_message, vim.conditions),
        certificate=certificate_message(vim.certificate) if vim.certificate else None,
    )
    if vim.round_trip_s is not None:
        message.round_trip.CopyFrom(duration(vim.round_trip_s))
    fill(message.vim_project, vim.vim_project)
    fill(message.auth_cred, vim.auth_cred)
    fill(message.placement_attr, vim.placement_attr)
    fill(message.extra, vim.extra)
    if vim.labels:
        message.labels.update(vim.labels)
    return message


def maintenance_message(maintenance: vims.VimMaintenance) -> vim_pb2.Maintenance:
    return vim_pb2.Maintenance(
        window_id=maintenance.window_id, reason=maintenance.reason, end_time=timestamp(maintenance.end_time)
    )


def view_message(view: vims.View) -> vim_pb2.View:
    return vim_pb2.View(
        vantage=view.vantage,
        status=STATUS_VALUES[view.status],
        reason=view.reason,
        detail=view.detail,
        status_time=timestamp(view.status_time),
        valid_until=timestamp(view.valid_until) if view.valid_until else None,
        action_id=view.action_id,
    )


def _cause_message(cause: vims.VimCause) -> vim_pb2.VimCause:
    return vim_pb2.VimCause(cause_id=cause.cause_id, kind=CAUSE_KIND_VALUES[cause.kind], subject=cause.subject)


def _applied_message(applied: vims.AppliedFields) -> vim_pb2.AppliedFields:
    return vim_pb2.AppliedFields(
        apply_set=applied.apply_set, fields=sorted(applied.fields), overridden_fields=sorted(applied.overridden)
    )


def _monitor_message(vim_id: str, monitor: vims.Monitor) -> vim_pb2.Monitor:
    return vim_pb2.Monitor(
        engine=ENGINE_VALUES[monitor.engine],
        action_id=monitor.action_id,
        workflow_name=workflow_name(vim_id) if monitor.engine is vims.Engine.MISTRAL else "",
        state=_STATE_VALUES[monitor.state],
        last_error=monitor.last_error,
        contact_time=timestamp(monitor.contact_time) if monitor.contact_time else None,
    )


@lru_cache(maxsize=1024)
def policy_message(value: ProbePolicy) -> vim_pb2.ProbePolicy:
    """Return a shared message, which must not be modified: most VIMs have the same policy as many others."""
    # Only where it says something: it is a matter of logins alone.
    shows_logins = value.depth is Depth.LOGIN or value.login_interval_s != _DEFAULT_POLICY.login_interval_s
    return vim_pb2.ProbePolicy(
        method=_METHOD_VALUES[value.method],
        interval=duration(value.interval_s),
        timeout=duration(value.timeout_s),
        fall=value.fall,
        rise=value.rise,
        tls_verify=value.tls_verify,
        fail_for=duration(value.fail_for_s),
        vantages=value.vantages,
        quorum=value.quorum,
        depth=_DEPTH_VALUES[value.depth],
        login_interval=duration(value.login_interval_s) if shows_logins else None,
    )


def policy_from_message(message: vim_pb2.ProbePolicy) -> ProbePolicy:
    """Return the policy, with defaults for fields that are not set."""
    if not message.ByteSize():  # as of most VIMs
        return _DEFAULT_POLICY
    policy = ProbePolicy(
        # A method from a later version falls back to the default one, so that the VIM is still probed.
        method=_METHODS.get(message.method, _DEFAULT_POLICY.method),
        interval_s=seconds(message.interval) or _DEFAULT_POLICY.interval_s,
        timeout_s=seconds(message.timeout) or _DEFAULT_POLICY.timeout_s,
        fall=message.fall or _DEFAULT_POLICY.fall,
        rise=message.rise or _DEFAULT_POLICY.rise,
        tls_verify=message.tls_verify,
        fail_for_s=seconds(message.fail_for),
        vantages=tuple(message.vantages),
        quorum=message.quorum,
        # As with methods.
        depth=_DEPTHS.get(message.depth, _DEFAULT_POLICY.depth),
        login_interval_s=seconds(message.login_interval) or _DEFAULT_POLICY.login_interval_s,
    )
    # Most VIMs have the default policy: they share one object.
    return _DEFAULT_POLICY if policy == _DEFAULT_POLICY else policy
