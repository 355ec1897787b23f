"""Fills the fields of one VIM from a file of another client, for `vim register` and `vim set`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from vimesh.cli.client_files.cloud_places import CLOUD_VARIABLE
from vimesh.cli.client_files.entry_choice import CLOUD, CONTEXT, EntryChoice, listed
from vimesh.cli.client_files.expand_entries import ClientFiles, read_document
from vimesh.cli.client_files.file_kinds import FileKind, OtherKind, kind_of
from vimesh.cli.input import free_form_fields, tacker_file
from vimesh.cli.input.file_entries import FileEntry, Flaw
from vimesh.cli.input.file_formats import Format, guess_format
from vimesh.cli.input.vim_fields import warn
from vimesh.domain.errors import BadSetting
from vimesh.domain.labels.labels_in_extra import changed_labels, split_labels
from vimesh.domain.settings import BadFlag
from vimesh.files.file_errors import BadFile
from vimesh.files.file_limits import MAX_DOCUMENT_BYTES, MAX_SETTINGS_BYTES
from vimesh.files.read_files import read_text
from vimesh.v1.vim_pb2 import Vim

FLAG: Final = "--config-file"
_TEXTS: Final = ("name", "type", "auth_url")
_STRUCTS: Final = ("vim_project", "auth_cred", "placement_attr", "extra")


def fill_from_file(vim: Vim, path: Path | None, cloud: str | None, context: str | None) -> list[str]:
    """Set the fields that a file gives, and warn of what it does not. Returns their names. Raises BadSetting, BadFlag.

    `path`: None for the files that other clients use. A name is set only if the VIM has none.
    """
    if cloud is not None and context is not None:
        raise BadFlag(CONTEXT, f"cannot be used with {CLOUD}")
    choice = EntryChoice((cloud,) if cloud is not None else (), (context,) if context is not None else ())
    if path is None:
        return _fill(vim, _only(ClientFiles(None, choice).found(), CLOUD if cloud is not None else CONTEXT))
    text = _text(path)
    if guess_format(text) is Format.OPENRC:
        if len(text) > MAX_SETTINGS_BYTES:
            raise BadSetting(str(path), f"is larger than {MAX_SETTINGS_BYTES} bytes")
        return _fill(vim, _only(ClientFiles(path, choice).openrc(text), str(path)))
    return _fill_from_document(vim, path, read_document(path, text), choice)


def _fill_from_document(vim: Vim, path: Path, content: Mapping[Any, Any], choice: EntryChoice) -> list[str]:
    try:
        kind = kind_of(content)
    except OtherKind as error:
        raise BadSetting(str(path), str(error)) from None
    if kind is FileKind.VIMS and ("name" in content or "vims" in content):
        raise BadSetting(str(path), "is a file of VIMs: register them with vimesh vim import")
    if kind in {FileKind.VIMS, FileKind.TACKER}:
        for flag, given in ((CLOUD, choice.clouds), (CONTEXT, choice.contexts)):
            if given:
                raise BadFlag(flag, f"is not for {path}, which is a VIM file of Tacker")
        return _fill_from_tackers(vim, content, path)
    if kind is FileKind.CLOUDS and not choice.clouds:
        choice = replace(choice, clouds=(_only_cloud(content),))
    elif kind is FileKind.KUBECONFIG and not choice.contexts:
        choice = replace(choice, contexts=(_current_context(content, path),))
    return _fill(vim, _only(ClientFiles(path, choice).document(1, content), str(path)))


def _text(path: Path) -> str:
    try:
        return read_text(path, MAX_DOCUMENT_BYTES)
    except OSError as error:
        raise BadSetting(str(path), f"cannot be read: {error.strerror}") from error
    except BadFile as error:
        raise BadSetting(str(path), str(error)) from None


def _only_cloud(content: Mapping[Any, Any]) -> str:
    """Return the cloud that openstack would use. Raises BadFlag if it is left open."""
    clouds = content.get("clouds")
    names = [str(name) for name in clouds] if isinstance(clouds, Mapping) else []
    if (named := os.environ.get(CLOUD_VARIABLE, "")) in names:
        return named
    if len(names) != 1:
        raise BadFlag(CLOUD, f"is required for this clouds.yaml: {listed(names)}")
    return names[0]


def _current_context(content: Mapping[Any, Any], path: Path) -> str:
    """Return the context that kubectl would use. Raises BadFlag if it is left open."""
    try:
        config = ClientFiles(path, EntryChoice()).kubeconfig(content)
    except BadFile as error:
        raise BadSetting(str(path), str(error)) from None
    names = list(config.contexts)
    current = config.current or (names[0] if len(names) == 1 else "")
    if not current:
        raise BadFlag(CONTEXT, f"is required for this kubeconfig, which has no current-context: {listed(names)}")
    return current


def _only(entries: Iterator[FileEntry | Flaw], where: str) -> FileEntry:
    """Return the only entry. Raises BadSetting, also with the first flaw."""
    found: list[FileEntry] = []
    for entry in entries:
        if isinstance(entry, Flaw):
            raise BadSetting(where, str(entry))
        found.append(entry)
    if len(found) != 1:
        names = ", ".join(str(entry.content.get("name")) for entry in found[:20])
        raise BadSetting(where, f"describes several VIMs ({names}): register them with vimesh vim import")
    return found[0]


def _fill(vim: Vim, entry: FileEntry) -> list[str]:
    for remark in entry.remarks:
        warn(f"{entry.origin}: {remark}")
    filled: list[str] = []
    for field in _TEXTS:
        if field in entry.content and not (field == "name" and vim.name):
            setattr(vim, field, entry.content[field])
            filled.append(field)
    for field in _STRUCTS:
        if field in entry.content:
            _fill_struct(vim, field, entry.content[field], entry.origin)
            filled.append(field)
    return filled


def _fill_from_tackers(vim: Vim, content: Mapping[Any, Any], path: Path) -> list[str]:
    said = tacker_file.parse(content, str(path))
    for key in said.unknown:
        warn(f"{path}: {key} is unknown and ignored")
    for remark in tacker_file.remarks(content):
        warn(f"{path}: {remark}")
    if said.auth_cred.get("cert_verify") == "True":
        warn("cert_verify is stored with the credentials; probes verify certificates only with --tls-verify")
    filled = ["type", "vim_project", "auth_cred"]
    vim.type = said.type
    vim.vim_project.update(said.vim_project)
    vim.auth_cred.update(said.auth_cred)
    if said.auth_url:
        vim.auth_url = said.auth_url
        filled.append("auth_url")
    if said.extra is not None:
        labels, extra = split_labels(said.extra)
        if labels is not None:
            vim.labels.update(changed_labels({}, labels))
            filled.append("labels")
        _fill_struct(vim, "extra", extra, str(path))
        filled.append("extra")
    return filled


def _fill_struct(vim: Vim, field: str, content: Mapping[str, Any], where: str) -> None:
    try:
        free_form_fields.fill(getattr(vim, field), content)
    except free_form_fields.NotJson as error:
        raise BadSetting(f"{where}: {field}", str(error)) from None
