"""Turns a VIM of Tacker into a registration."""

from __future__ import annotations

import uuid

from vimesh.cli.input import free_form_fields
from vimesh.cli.input.probe_policy import PolicyFlags
from vimesh.cli.vim_import.prepared_vim import PreparedVim, RequestChecker
from vimesh.domain.errors import BadInput
from vimesh.domain.vims import Engine
from vimesh.tacker.credentials import CredentialsReader
from vimesh.tacker.tacker_database import Row
from vimesh.tacker.tacker_errors import CannotImport
from vimesh.tacker.tacker_vims import TackerVim, vim_of
from vimesh.v1.vim_pb2 import Monitor, Vim
from vimesh.v1.vim_service_pb2 import RegisterVimRequest


class RowReader:
    def __init__(
        self,
        credentials: CredentialsReader,
        engine: Monitor.Engine.ValueType,
        probing: PolicyFlags,
        *,
        with_default: bool = True,
    ) -> None:
        self._credentials = credentials
        self._engine = engine
        self._with_default = with_default
        self._probing = probing
        self._checker = RequestChecker(Engine.EXTERNAL)

    def prepare(self, row: Row) -> PreparedVim:
        """Build the request. Raises CannotImport if a conductor would refuse it, so that a dry run finds that, too."""
        vim = vim_of(row, self._credentials)
        request = RegisterVimRequest(vim_id=vim.named.vim_id, engine=self._engine, request_id=str(uuid.uuid4()))
        try:
            request.vim.CopyFrom(self._message(vim))
        except (ValueError, free_form_fields.NotJson):
            # JSON has values that a message cannot hold, such as lone surrogates.
            raise CannotImport("vimesh refuses it: it holds text or numbers that cannot be sent") from None
        try:
            registration = self._checker.check(request)
        except BadInput as error:
            raise CannotImport(f"vimesh refuses it: {error}") from None
        ignored = () if self._with_default else ("is_default",)
        return PreparedVim(request, registration, vim.credentials.left_out, ignored)

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
