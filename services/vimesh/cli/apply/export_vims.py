"""vimesh export: writes VIMs as `vimesh apply` reads them."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer
from google.protobuf.json_format import MessageToDict

from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.base.durations import exact
from vimesh.cli.base.terminal import speaks_unicode
from vimesh.cli.client.front import run
from vimesh.cli.output import documents
from vimesh.cli.selection import label_flags
from vimesh.cli.vim.change_selected import Filter
from vimesh.cli.vim.list_and_show import vim_pages
from vimesh.client.calls.front_stubs import Front
from vimesh.domain.settings import BadFlag
from vimesh.v1.vim_pb2 import Monitor, ProbePolicy, Vim
from vimesh.wire.vim_messages import FREE_FORM_FIELDS, policy_from_message, policy_message
from vimesh.wire.wire_durations import seconds

_DURATIONS: Final = ("interval", "timeout", "fail_for", "login_interval")
_DEFAULT_POLICY: Final = policy_message(policy_from_message(ProbePolicy()))


def export(  # noqa: PLR0913 - one parameter per flag
    *,
    selector: label_flags.Selector = "",
    filter_: Filter = "",
    project: Annotated[str | None, typer.Option("--project", metavar="ID", help="Only VIMs of this project.")] = None,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="yaml|json", help="Output format (default: yaml).")
    ] = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.Timeout = None,
    config: flags.Config = None,
) -> None:
    """Write VIMs as `vimesh apply` reads them. Secrets are `***`, which keeps what is stored.

    A VIM that does not exist is refused with such a secret: put the secret in its place, or from where to take it.
    """
    if output not in (None, "yaml", "json"):
        raise BadFlag("--output", f"must be yaml or json, not {output[:50]!r}")
    settings = client_settings(
        config, profile=profile, address=address, credentials=credentials, call_timeout=call_timeout, output=output
    )
    writer = _JsonWriter() if output == "json" else _YamlWriter()

    async def write_all(front: Front) -> None:
        async for page in vim_pages(front, label_flags.selected(selector, filter_, project), "create_time", None):
            for vim in page:
                writer.write(entry_of_vim(vim))

    run(settings, write_all)
    writer.end()


def entry_of_vim(vim: Vim) -> dict[str, Any]:
    """Return the fields of a VIM that people have set, as files have them."""
    entry: dict[str, Any] = {"name": vim.name, "project_id": vim.project_id}
    entry |= {name: value for name in ("description",) if (value := getattr(vim, name))}
    entry |= {"type": vim.type, "auth_url": vim.auth_url}
    for name in FREE_FORM_FIELDS:
        struct = getattr(vim, name)
        if struct.fields:
            entry[name] = _sorted(MessageToDict(struct))
    if vim.is_default:
        entry["is_default"] = True
    if vim.labels:
        entry["labels"] = dict(sorted(vim.labels.items()))
    if policy := _policy(vim.probe_policy):
        entry["probe_policy"] = policy
    # Other engines are a matter of the fleet.
    if vim.monitor.engine == Monitor.EXTERNAL:
        entry["engine"] = Monitor.Engine.Name(vim.monitor.engine).lower()
    return entry


def _policy(policy: ProbePolicy) -> dict[str, Any]:
    """Return what differs from the defaults."""
    changed: dict[str, Any] = {}
    for field in ProbePolicy.DESCRIPTOR.fields:
        value = getattr(policy, field.name)
        if value == getattr(_DEFAULT_POLICY, field.name):
            continue
        if field.name in _DURATIONS:
            changed[field.name] = exact(seconds(value))
        elif field.name == "method":
            changed[field.name] = ProbePolicy.Method.Name(value).lower()
        elif field.name == "depth":
            changed[field.name] = ProbePolicy.Depth.Name(value).lower()
        elif field.name == "vantages":
            changed[field.name] = list(value)
        else:
            changed[field.name] = value
    return changed


def _sorted(content: Mapping[str, Any]) -> dict[str, Any]:
    return {key: content[key] for key in sorted(content)}


class _YamlWriter:
    """Writes a list under `vims`, entry by entry."""

    def __init__(self) -> None:
        self._begun = False

    def write(self, entry: Mapping[str, Any]) -> None:
        from vimesh.cli.output import yaml_text  # noqa: PLC0415 - YAML is slow to import, and JSON does not need it

        self._begin()
        sys.stdout.write(yaml_text.dump([dict(entry)], ascii_only=not speaks_unicode(sys.stdout)))

    def end(self) -> None:
        if not self._begun:
            sys.stdout.write("vims: []\n")

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            sys.stdout.write("vims:\n")


class _JsonWriter:
    """Writes an object with a list under `vims`, an entry on each line."""

    def __init__(self) -> None:
        self._mark = '{"vims": ['

    def write(self, entry: Mapping[str, Any]) -> None:
        documents.write_json(f"{self._mark}\n  {json.dumps(entry, ensure_ascii=False)}")
        self._mark = ","

    def end(self) -> None:
        documents.write_json(f"{'' if self._mark == ',' else self._mark}\n]}}\n")
