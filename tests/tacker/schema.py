"""The two tables of Tacker's database that hold VIMs, as its migrations leave them on MariaDB (release 8.0.0)."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

metadata = MetaData()
vims = Table(
    "vims",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("type", String(64)),
    Column("tenant_id", String(64), nullable=False),
    Column("name", String(255), nullable=False),
    Column("description", Text),
    Column("placement_attr", Text),
    Column("shared", Boolean, nullable=False, server_default=false()),
    Column("status", String(255), nullable=False, server_default=""),
    Column("is_default", Boolean, nullable=False, server_default=false()),
    Column("created_at", DateTime),
    Column("updated_at", DateTime),
    Column("deleted_at", DateTime),
    Column("extra", JSON),
    UniqueConstraint("tenant_id", "name", "deleted_at", name="uniq_vims0tenant_id0name0deleted_at"),
)
vimauths = Table(
    "vimauths",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("vim_id", String(36), ForeignKey("vims.id", name="vimauths_ibfk_1"), nullable=False),
    Column("password", String(255)),
    Column("auth_url", String(255), nullable=False),
    Column("vim_project", Text),
    Column("auth_cred", Text),
)
