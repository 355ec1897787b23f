"""What the error numbers of MariaDB and MySQL mean."""

from __future__ import annotations

from typing import Final

from vimesh.store.transactions.driver_errors import ErrorCodes, ErrorKind, kinds_by_code

MYSQL_ERRORS: Final = ErrorCodes(
    kinds=kinds_by_code(
        {
            # 1020: the snapshot is outdated (MariaDB). 1205, 1213: lock timeout, deadlock. 3101: the group rejects the
            # commit (MySQL).
            ErrorKind.CONFLICT: (1020, 1205, 1213, 3101),
            # 1223: a read lock on all tables. 1290: --read-only. 1792, 1836: a read-only transaction or server. 1874:
            # InnoDB is read-only. 3100: a group member that is not the primary.
            ErrorKind.READ_ONLY: (1223, 1290, 1792, 1836, 1874, 3100),
            # 1053: the server shuts down. 1927, 3169, 4031: it ended this connection.
            ErrorKind.LOST: (1053, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 2006, 2013, 2014, 2055, 3169, 4031),
            # 1047: a node without its cluster. 1129: our host is blocked. 2002, 2003: no server listens. 3032: offline
            # mode.
            ErrorKind.NOT_READY: (1047, 1129, 2002, 2003, 3032),
            # 1021, 1114: a disk or a file is full. 1038, 1041: out of memory. 1040, 1203, 1226: too many connections.
            ErrorKind.FULL: (1021, 1038, 1040, 1041, 1114, 1203, 1226),
        }
    ),
    # This number is also used for options that have nothing to do with writing.
    if_read_only_is_mentioned=(1290,),
    connecting={
        1040: "the server has no connection left",
        1044: "the user may not use the database",
        1045: "the server refuses the user name or the password",
        1049: "the server has no such database; make it first: CREATE DATABASE",
        1129: "the server has blocked this host after too many errors; FLUSH HOSTS lets it in again",
        1130: "the server lets nobody in from this host",
        1203: "the user has no connection left",
        1226: "the user has no connection left",
        1698: "the server refuses the user",
        3159: "TLS: the server takes no connection without it",
    },
    of_driver=range(2000, 3000),
    no_privilege=(1142,),
    already_done=(1050, 1051, 1054, 1060, 1061, 1062, 1068, 1072, 1091, 1146, 1176, 1412, 1684),
)
