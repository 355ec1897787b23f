"""Turns a VIM of Tacker into a registration."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from vimesh.cli.input import free_form_fields
from vimesh.cli.input.probe_policy import PolicyFlags
from vimesh.domain.errors import BadInput
from vimesh.domain.vims import Engine, Registration
from vimesh.tacker.tacker_errors import CannotImport
from vimesh.tacker.tacker_vims import TackerVim
from vimesh.v1.vim_pb2 import Monitor, Vim
from vimesh.v1.vim_service_pb2 import RegisterVimRequest
from vimesh.wire import request_messages
from vimesh.wire.message_rules import Rules


@dataclass(frozen=True, slots=True)
class PreparedRow:
    request: RegisterVimRequest
    """Safe to repeat, because it has a request id."""
    registration: Registration
    """The request as a conductor reads it."""
    left_out: tuple[str, ...]
    """Secrets that the VIM has in Tacker and that are not imported."""
    with_default: bool = True
    """Whether `is_default` is imported."""


class Registrar:
    def __init__(self, engine: Monitor.Engine.ValueType, probing: PolicyFlags, *, with_default: bool = True) -> None:
        self._engine = engine
        self._with_default = with_default
        self._probing = probing
        self._rules = Rules()

    def prepare(self, vim: TackerVim) -> PreparedRow:
        """Build the request. Raises CannotImport if a conductor would refuse it, so that a dry run finds that, too."""
        request = RegisterVimRequest(vim_id=vim.named.vim_id, engine=self._engine, request_id=str(uuid.uuid4()))
        try:
            request.vim.CopyFrom(self._message(vim))
        except (ValueError, free_form_fields.NotJson):
            # JSON has values that a message cannot hold, such as lone surrogates.
            raise CannotImport("vimesh refuses it: it holds text or numbers that cannot be sent") from None
        try:
            self._rules.check(request)
            registration = request_messages.registration(request, Engine.EXTERNAL)
        except BadInput as error:
            raise CannotImport(f"vimesh refuses it: {error}") from None
        return PreparedRow(request, registration, vim.credentials.left_out, self._with_default)

    def _message(self, vim: TackerVim) -> Vim:
        message = Vim(
            name=vim.named.name,
            project_id=vim.named.project_id,
            description=vim.description,
            type=vim.named.type,
            auth_url=vim.named.auth_url,
            is_default=vim.is_default and self._with_default,
        )
        free_form_fields.fill(message.vim_project, vim.vim_project)
        free_form_fields.fill(message.auth_cred, vim.credentials.auth_cred)
        free_form_fields.fill(message.placement_attr, vim.placement_attr)
        free_form_fields.fill(message.extra, vim.extra)
        self._probing.apply(message.probe_policy)
        return message
