"""Schemas of the alarm notifications, written after the tables of ETSI GS NFV-SOL 003 V3.3.1, clauses 4.4.1 and 7.5.

SOL 002 has the same tables, and one attribute more. A value that the tables do not define is refused.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_IDENTIFIER: Schema = {"type": "string", "minLength": 1}
_TIME: Schema = {"type": "string", "format": "date-time", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"}


def _structure(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **(optional or {})},
        "additionalProperties": False,
    }


_LINK = _structure({"href": {"type": "string", "format": "uri", "pattern": "^[a-z][a-z0-9+.-]*:."}})
_RESOURCE_HANDLE = _structure(
    {"vimConnectionId": _IDENTIFIER, "resourceId": _IDENTIFIER},
    {"resourceProviderId": _IDENTIFIER, "vimLevelResourceType": {"type": "string"}},
)
_FAULTY_RESOURCE = _structure(
    {"faultyResource": _RESOURCE_HANDLE, "faultyResourceType": {"enum": ["COMPUTE", "STORAGE", "NETWORK"]}}
)
_ALARM_REQUIRED: dict[str, Schema] = {
    "id": _IDENTIFIER,
    "managedObjectId": _IDENTIFIER,
    "rootCauseFaultyResource": _FAULTY_RESOURCE,
    "alarmRaisedTime": _TIME,
    "ackState": {"enum": ["UNACKNOWLEDGED", "ACKNOWLEDGED"]},
    "perceivedSeverity": {"enum": ["CRITICAL", "MAJOR", "MINOR", "WARNING", "INDETERMINATE", "CLEARED"]},
    "eventTime": _TIME,
    "eventType": {
        "enum": [
            *("COMMUNICATIONS_ALARM", "PROCESSING_ERROR_ALARM", "ENVIRONMENTAL_ALARM", "QOS_ALARM"),
            "EQUIPMENT_ALARM",
        ]
    },
    "probableCause": {"type": "string"},
    "isRootCause": {"type": "boolean"},
    "_links": _structure({"self": _LINK}, {"objectInstance": _LINK}),
}
_ALARM_OPTIONAL: dict[str, Schema] = {
    "alarmChangedTime": _TIME,
    "alarmClearedTime": _TIME,
    "alarmAcknowledgedTime": _TIME,
    "faultType": {"type": "string"},
    "correlatedAlarmIds": {"type": "array", "items": _IDENTIFIER},
    "faultDetails": {"type": "array", "items": {"type": "string"}},
}
_HEAD: dict[str, Schema] = {"id": _IDENTIFIER, "subscriptionId": _IDENTIFIER, "timeStamp": _TIME}


def notification_schema(version: str) -> Schema:
    """Return the schema of a notification after SOL002 or SOL003."""
    more = {"vnfcInstanceIds": {"type": "array", "items": _IDENTIFIER}} if version == "SOL002" else {}
    raised = _structure(
        {
            **_HEAD,
            "notificationType": {"const": "AlarmNotification"},
            "alarm": _structure(_ALARM_REQUIRED, {**_ALARM_OPTIONAL, **more}),
            "_links": _structure({"subscription": _LINK}),
        }
    )
    cleared = _structure(
        {
            **_HEAD,
            "notificationType": {"const": "AlarmClearedNotification"},
            "alarmId": _IDENTIFIER,
            "alarmClearedTime": _TIME,
            "_links": _structure({"subscription": _LINK, "alarm": _LINK}),
        }
    )
    return {"oneOf": [raised, cleared]}
