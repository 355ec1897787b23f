"""Turns an entry of a file into a registration. It may use the fields of the contract, Tacker's files and the flags."""

from __future__ import annotations

import uuid
from typing import Final

from vimesh.cli.input import free_form_fields
from vimesh.cli.input.file_entries import FileEntry
from vimesh.cli.input.vim_entry import RejectedEntry, read_vim_entry
from vimesh.cli.vim_import.prepared_vim import PreparedVim, RequestChecker
from vimesh.domain.credential_masks import mask_secrets, require_no_mask, unmask
from vimesh.domain.errors import BadInput, BadSetting
from vimesh.domain.settings import BadFlag
from vimesh.domain.vims import Engine, Registration
from vimesh.v1.vim_service_pb2 import RegisterVimRequest
from vimesh.wire.vim_messages import FREE_FORM_FIELDS

_NAMESPACE: Final = uuid.UUID("a9c5418d-f3cc-49bd-a004-59068893fe56")


class EntryReader:
    def __init__(self) -> None:
        self._checker = RequestChecker(Engine.EMBEDDED)

    def prepare(self, entry: FileEntry) -> PreparedVim:
        """Check an entry and build its request, whose id depends only on its content. Raises RejectedEntry."""
        try:
            described = read_vim_entry(entry.content)
            request = RegisterVimRequest(vim=described.vim, vim_id=described.vim_id, engine=described.engine)
            registration = self._checker.check(request)
            unmask(registration.auth_cred, {})
            for name in FREE_FORM_FIELDS:
                require_no_mask(getattr(registration, name), f"vim.{name}")
        except BadFlag as error:
            field_name = error.flag.removeprefix("--").replace("-", "_")
            raise RejectedEntry(f"{field_name}: {error.description}") from None
        except (BadInput, BadSetting) as error:
            raise RejectedEntry(str(error)) from None
        except (ValueError, RecursionError):
            # A text may hold lone surrogates, which a message cannot.
            raise RejectedEntry("holds text that cannot be sent") from None
        request.vim.auth_url = registration.auth_url
        request.request_id = _request_id(request, registration)
        return PreparedVim(request, registration)


def _request_id(request: RegisterVimRequest, registration: Registration) -> str:
    """Derive an id from the content without secrets: conductors store it, and it must not reveal passwords."""
    content = RegisterVimRequest()
    content.CopyFrom(request)
    content.vim.ClearField("auth_cred")
    for name in FREE_FORM_FIELDS:
        value = getattr(registration, name)
        if name != "auth_cred" and (shown := mask_secrets(value)) != value:
            content.vim.ClearField(name)  # type: ignore[arg-type]  # one of its fields
            free_form_fields.fill(getattr(content.vim, name), shown)
    return str(uuid.uuid5(_NAMESPACE, content.SerializeToString(deterministic=True).hex()))
