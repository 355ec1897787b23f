"""Converts requests to domain values. IDs are lower-case and compared as text, but a request may use any case."""

from __future__ import annotations

from typing import Final

from vimesh.domain import vims
from vimesh.domain.credential_masks import mask_text
from vimesh.domain.errors import BadInput, Violation
from vimesh.domain.labels.label_syntax import is_key
from vimesh.domain.probing import PolicyChange, ProbePolicy
from vimesh.v1 import conductor_service_pb2, vim_pb2, vim_service_pb2
from vimesh.wire import vim_messages
from vimesh.wire.vim_messages import (
    ENGINES,
    LABEL_PATH,
    MAX_VIOLATIONS,
    MODIFIABLE_FIELDS,
    STATUSES,
    policy_from_message,
)
from vimesh.wire.wire_durations import seconds

_POLICY_FIELDS: Final = {
    f"probe_policy.{field}": name
    for field, name in (
        ("method", "method"),
        ("interval", "interval_s"),
        ("timeout", "timeout_s"),
        ("fall", "fall"),
        ("rise", "rise"),
        ("tls_verify", "tls_verify"),
        ("fail_for", "fail_for_s"),
    )
}
_ALL: Final = "*"
_MASKABLE: Final = frozenset((*MODIFIABLE_FIELDS, *_POLICY_FIELDS, _ALL))


def registration(request: vim_service_pb2.RegisterVimRequest, default: vims.Engine) -> vims.Registration:
    """Read a registration; `default` is its engine if it does not name one. Raises BadInput."""
    vim = request.vim
    return vim_messages.registration(
        vim,
        read_policy=lambda: policy(vim.probe_policy),
        engine=engine(request.engine, default),
        request_id=id_of(request.request_id),
        vim_id=id_of(request.vim_id),
    )


def modification(request: vim_service_pb2.ModifyVimRequest, paths: frozenset[str]) -> vims.Modification:
    """Read the fields that `paths` names. Raises BadInput."""
    vim = request.vim

    def read_policy() -> ProbePolicy | PolicyChange | None:
        return policy(vim.probe_policy) if "probe_policy" in paths else _policy_change(vim.probe_policy, paths)

    return vim_messages.modification(
        vim,
        paths,
        read_policy=read_policy,
        engine=engine(request.engine) if request.engine else None,
        etag=request.etag or vim.etag,
    )


def modified_paths(request: vim_service_pb2.ModifyVimRequest) -> frozenset[str]:
    """Return the fields to change. Raises BadInput if the mask names a field that cannot be changed."""
    mask_paths = frozenset(request.update_mask.paths)
    if unknown := sorted(path for path in mask_paths - _MASKABLE if not _is_label(path))[:MAX_VIOLATIONS]:
        fields = ", ".join(MODIFIABLE_FIELDS)
        raise BadInput(*(Violation("update_mask", f"{path} cannot be changed; use {fields}") for path in unknown))
    if _ALL in mask_paths:
        return frozenset(MODIFIABLE_FIELDS)
    return mask_paths or _set_fields(request.vim)


def _is_label(path: str) -> bool:
    return path.startswith(LABEL_PATH) and is_key(path.removeprefix(LABEL_PATH))


def _set_fields(vim: vim_pb2.Vim) -> frozenset[str]:
    fields = {field.name for field, _ in vim.ListFields()} & set(MODIFIABLE_FIELDS) - {"probe_policy"}
    return frozenset(fields | {f"probe_policy.{field.name}" for field, _ in vim.probe_policy.ListFields()})


def assumed_project(request: vim_service_pb2.ModifyVimRequest) -> str:
    """Return the project that the VIM must be in for the request to make sense; empty if it does not matter."""
    paths = request.update_mask.paths
    return request.vim.project_id if not paths or _ALL in paths else ""


def report(request: conductor_service_pb2.UpdateVimRequest, reporter: str = "") -> vims.Report:
    return vims.Report(
        vim_id=id_of(request.vim_id),
        action_id=request.action_id,
        status=STATUSES[request.status],
        observation=request.observation,
        reason=request.reason,
        detail=mask_text(request.detail),
        round_trip_s=seconds(request.round_trip) if request.HasField("round_trip") else None,
        age_s=seconds(request.age),
        reporter=reporter,
    )


def engine(value: vim_pb2.Monitor.Engine.ValueType, default: vims.Engine = vims.Engine.EMBEDDED) -> vims.Engine:
    return ENGINES[value] if value else default


def policy(message: vim_pb2.ProbePolicy) -> ProbePolicy:
    """Read a whole policy, with defaults for fields that are not set. Raises BadInput."""
    return PolicyChange().onto(policy_from_message(message))


def _policy_change(message: vim_pb2.ProbePolicy, paths: frozenset[str]) -> PolicyChange | None:
    """Read the fields that `paths` names; a field that is named but not set gets its default."""
    names = [name for path, name in _POLICY_FIELDS.items() if path in paths]
    values = policy_from_message(message)
    return PolicyChange(**{name: getattr(values, name) for name in names}) if names else None


def id_of(text: str) -> str:
    """Normalize the ID of a VIM, a task or a request, which may be empty."""
    return text.lower()


def require_path_id(field: str, given: str, path_id: str) -> None:
    """Raise BadInput if a request that came as JSON names another id than its path; it may leave the field out."""
    if id_of(given) not in ("", id_of(path_id)):
        raise BadInput(Violation(field, "differs from the id in the path"))
