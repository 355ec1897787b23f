"""Adds the byte counts of the log, and resets observations that leave no room for later ones."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

from vimesh.store.migrations import once
from vimesh.store.schema.column_types import Whole
from vimesh.store.sql.sql_functions import ByteLength

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_FIXED_BYTES = 400
_SEGMENT_BYTES = 1024 * 1024
_PAGE = 10_000
_GREATEST_OBSERVATION = 2**63 - 2**22


def upgrade() -> None:
    for name in ("written", "counted"):
        once.add_column("revisions", sa.Column(name, Whole, nullable=False, server_default=sa.text("0")))
    once.create_table(
        "segments",
        sa.Column("revision", Whole, autoincrement=False, nullable=False),
        sa.Column("position", Whole, nullable=False),
        sa.PrimaryKeyConstraint("revision", name="pk_segments"),
    )
    # From here on, this locks out all writers until all is counted, if the database can hold the lock that long.
    op.execute("UPDATE revisions SET counted = newest")
    # An interrupted run may have counted some segments already.
    op.execute("DELETE FROM segments")
    _count()
    _forget_observations()


def _forget_observations() -> None:
    """Reset very large observations, which are rejected by now: hardly any later one would be possible."""
    # Observations from 2**63 on are stored as negative numbers.
    forget = sa.text("UPDATE standings SET observation = 0 WHERE observation < 0 OR observation > :greatest")
    op.get_bind().execute(forget, {"greatest": _GREATEST_OBSERVATION})


def _count() -> None:
    written = 0
    segments: list[dict[str, int]] = []
    for event, size in _sizes():
        before, written = written, written + size
        if before // _SEGMENT_BYTES != written // _SEGMENT_BYTES:
            segments.append({"revision": event, "position": written})
    if segments:
        op.bulk_insert(sa.table("segments", sa.column("revision", Whole), sa.column("position", Whole)), segments)
    op.get_bind().execute(sa.text("UPDATE revisions SET written = :written"), {"written": written})


def _sizes() -> Iterator[tuple[int, int]]:
    """Yield the revision and the size in bytes of each change, in order."""
    detail, document = sa.column("detail", sa.Text), sa.cast(sa.column("document"), sa.Text)
    size = _FIXED_BYTES + ByteLength(detail) + sa.func.coalesce(ByteLength(document), 0)
    event = sa.column("revision", Whole)
    page = sa.select(event, size).select_from(sa.table("events")).order_by(event).limit(_PAGE)
    last = 0
    while found := op.get_bind().execute(page.where(event > last)).all():
        for last, bytes_ in found:
            yield last, bytes_


def downgrade() -> None:
    op.drop_table("segments")
    for name in ("counted", "written"):
        op.drop_column("revisions", name)
