"""How certificates are listed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from vimesh.cli.output.table_columns import ResourceTable, TableColumn

if TYPE_CHECKING:
    from vimesh.certificates.certificate_folder import Issued  # needs cryptography, which clients do not


def certificate_table(now: datetime) -> ResourceTable[Issued]:
    """Return the table of certificates in their state at a time."""
    return ResourceTable(
        columns=(
            TableColumn("IDENTITY", lambda issued: str(issued.identity)),
            TableColumn("STATE", lambda issued: issued.state(now).value),
            TableColumn(
                "EXPIRES",
                lambda issued: f"{issued.expires_at:%Y-%m-%d %H:%M} UTC",
                value=lambda issued: issued.expires_at.isoformat(),
            ),
            TableColumn("HOSTS", lambda issued: " ".join(issued.hosts)),
        ),
        name=lambda issued: str(issued.identity),
        document=lambda issued: _document(issued, now),
    )


def _document(issued: Issued, now: datetime) -> dict[str, object]:
    return {
        "identity": str(issued.identity),
        "state": issued.state(now).value,
        "serial": f"{issued.serial:x}",
        "issued_at": issued.issued_at.isoformat(),
        "expires_at": issued.expires_at.isoformat(),
        "hosts": list(issued.hosts),
    }
