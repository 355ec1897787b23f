"""Converts VIMs to Tacker's form."""

from __future__ import annotations

from typing import Any, Final

from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp

from vimesh.domain.labels.labels_in_extra import extra_with_labels
from vimesh.v1.vim_pb2 import Vim

Document = dict[str, Any]

ATTRIBUTES: Final = (
    *("id", "type", "tenant_id", "name", "description", "placement_attr", "is_default", "created_at", "updated_at"),
    *("status", "extra", "auth_url", "vim_project", "auth_cred"),
)


def vim_document(vim: Vim) -> Document:
    return {
        "id": vim.id,
        "type": vim.type,
        "tenant_id": vim.project_id,
        "name": vim.name,
        "description": vim.description,
        "placement_attr": {"regions": [], **plain(vim.placement_attr)},
        "is_default": vim.is_default,
        "created_at": moment(vim.create_time),
        "updated_at": None if vim.update_time == vim.create_time else moment(vim.update_time),
        "status": status_word(vim.status),
        "extra": extra_with_labels(plain(vim.extra), vim.labels),
        "auth_url": vim.auth_url,
        "vim_project": (project := plain(vim.vim_project)),
        "auth_cred": _credentials(vim, project),
    }


def _credentials(vim: Vim, project: Document) -> Document:
    """Return the stored credentials, masked, together with the keys that Tacker adds to them."""
    kept = plain(vim.auth_cred)
    if vim.type == "openstack":
        kept |= {
            "project_id": project.get("id"),
            "project_name": project.get("name"),
            "project_domain_name": project.get("project_domain_name"),
        }
    return {**kept, "auth_url": vim.auth_url, "key_type": "fernet_key"}


def moment(time: Timestamp) -> str:
    """Return the time as Tacker's MySQL stored it: UTC, to the second, without a zone."""
    return time.ToDatetime().strftime("%Y-%m-%d %H:%M:%S")


def status_word(status: Vim.Status.ValueType) -> str:
    # A status that only a newer version knows reads UNKNOWN here.
    return Vim.Status.Name(status) if status in Vim.Status.values() else Vim.Status.Name(Vim.UNKNOWN)


def plain(struct: Struct) -> Document:
    """Return the values in a free-form field, with all keys sorted: protobuf's order differs between processes."""
    document: Document = _sorted(MessageToDict(struct))
    return document


def _sorted(value: Any) -> Any:  # noqa: ANN401 - what JSON holds
    if isinstance(value, dict):
        return {key: _sorted(inner) for key, inner in sorted(value.items())}
    return [_sorted(inner) for inner in value] if isinstance(value, list) else value
