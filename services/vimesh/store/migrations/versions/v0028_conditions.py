"""Adds conditions and certificates: what was seen last of VIMs besides their status."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vimesh.store.migrations import once
from vimesh.store.schema.column_types import Micros, Whole, word

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    once.create_table(
        "vim_conditions",
        sa.Column("number", Whole, nullable=False, autoincrement=False),
        sa.Column("type", word(127), nullable=False),
        sa.Column("status", word(16), nullable=False),
        sa.Column("reason", word(64), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("transition_time", Micros, nullable=False),
        sa.PrimaryKeyConstraint("number", "type", name="pk_vim_conditions"),
    )
    once.create_index("ix_vim_conditions_type_status_number", "vim_conditions", ["type", "status", "number"])
    once.create_table(
        "vim_certificates",
        sa.Column("number", Whole, nullable=False, autoincrement=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("names", sa.JSON(), nullable=False),
        sa.Column("not_before", Micros, nullable=False),
        sa.Column("not_after", Micros, nullable=False),
        sa.Column("sha256", word(64), nullable=False),
        sa.Column("chain_subjects", sa.JSON(), nullable=False),
        sa.Column("verified", sa.Boolean()),
        sa.Column("verify_error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_vim_certificates"),
    )
    once.create_index("ix_vim_certificates_not_after_number", "vim_certificates", ["not_after", "number"])


def downgrade() -> None:
    for table in ("vim_certificates", "vim_conditions"):
        op.drop_table(table)
