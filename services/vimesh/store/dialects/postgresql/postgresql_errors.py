"""What the SQLSTATEs of PostgreSQL mean."""

from __future__ import annotations

from typing import Final

from vimesh.store.connections.connection_errors import CLOSED
from vimesh.store.transactions.driver_errors import ErrorCodes, ErrorKind, kinds_by_code

POSTGRESQL_ERRORS: Final = ErrorCodes(
    kinds=kinds_by_code(
        {
            ErrorKind.CONFLICT: ("40001", "40P01", "55P03"),
            ErrorKind.READ_ONLY: ("25006",),
            # 57P01 to 57P05: ended by the administrator, a crash, a dropped database, or idleness. 25P03, 25P04: a
            # transaction was idle or took too long.
            ErrorKind.LOST: ("57P01", "57P02", "57P04", "57P05", "25P03", "25P04"),
            ErrorKind.NOT_READY: ("57P03",),
        }
    ),
    # Connections, resources such as disks, the operating system.
    classes={"08": ErrorKind.LOST, "53": ErrorKind.FULL, "58": ErrorKind.NOT_READY},
    connecting={
        "08003": CLOSED,
        "28P01": "the server refuses the user name or the password",
        "3D000": "the server has no such database; make it first: CREATE DATABASE",
        "57P03": "the server takes no connections at present",
        "53300": "the server has no connection left",
    },
    no_privilege=("42501",),
)
