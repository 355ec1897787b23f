"""Converts requests to domain values. IDs are lower-case and compared as text, but a request may use any case."""

from __future__ import annotations

from typing import Final

from vimesh.domain import vims
from vimesh.domain.bulk.apply_plan import ENGINE, POLICY_PATHS, DesiredVim
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
    labels_from_message,
    policy_from_message,
)
from vimesh.wire.wire_durations import seconds

_ALL: Final = "*"
_MASKABLE: Final = frozenset((*MODIFIABLE_FIELDS, *POLICY_PATHS, _ALL))
_APPLICABLE: Final = frozenset((*MODIFIABLE_FIELDS, *POLICY_PATHS)) - {"name", "labels", "probe_policy"}
"""The fields that can be applied, but for labels: each by itself, so that others keep theirs."""


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
    return _modification(request.vim, paths, request.engine, request.etag or request.vim.etag)


def desired_vim(entry: vim_service_pb2.VimToApply, project_id: str) -> DesiredVim:
    """Read a VIM as it should be, in a project. Raises BadInput."""
    vim = entry.vim
    if not vim.name:
        raise BadInput(Violation("vim.name", "is required"))
    if entry.absent:
        return DesiredVim(project_id, vim.name, etag=entry.etag, absent=True)
    paths = _applied_paths(entry)
    fields = paths | {ENGINE} if entry.engine else paths
    given = _modification(vim, paths, entry.engine, "")
    return DesiredVim(project_id, vim.name, given, fields, etag=entry.etag, is_new=entry.is_new)


def _applied_paths(entry: vim_service_pb2.VimToApply) -> frozenset[str]:
    """Return the fields to apply. Raises BadInput if the mask names another one."""
    paths = frozenset(entry.update_mask.paths)
    if unknown := sorted(path for path in paths - _APPLICABLE if not _is_label(path))[:MAX_VIOLATIONS]:
        fields = ", ".join(name for name in MODIFIABLE_FIELDS if name in _APPLICABLE)
        text = f"cannot be applied; use {fields}, labels.KEY and such as probe_policy.interval"
        raise BadInput(*(Violation("update_mask", f"{path} {text}") for path in unknown))
    if paths:
        return paths
    labels = frozenset(f"{LABEL_PATH}{key}" for key in labels_from_message(entry.vim))
    return (_set_fields(entry.vim) & _APPLICABLE) | labels


def _modification(
    vim: vim_pb2.Vim, paths: frozenset[str], engine_value: vim_pb2.Monitor.Engine.ValueType, etag: str
) -> vims.Modification:
    def read_policy() -> ProbePolicy | PolicyChange | None:
        return policy(vim.probe_policy) if "probe_policy" in paths else _policy_change(vim.probe_policy, paths)

    return vim_messages.modification(
        vim,
        paths,
        read_policy=read_policy,
        engine=engine(engine_value) if engine_value else None,
        etag=etag,
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
    names = [name for path, name in POLICY_PATHS.items() if path in paths]
    values = policy_from_message(message)
    return PolicyChange(**{name: getattr(values, name) for name in names}) if names else None


def id_of(text: str) -> str:
    """Normalize the ID of a VIM, a task or a request, which may be empty."""
    return text.lower()


def require_path_id(field: str, given: str, path_id: str) -> None:
    """Raise BadInput if a request that came as JSON names another id than its path; it may leave the field out."""
    if id_of(given) not in ("", id_of(path_id)):
        raise BadInput(Violation(field, "differs from the id in the path"))
