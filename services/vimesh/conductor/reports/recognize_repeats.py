"""Recognizes contacts without news by their bytes: they repeat an earlier report, except for its age."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError, Message

from vimesh.conductor.reports.plain_reports import GREATEST_AGE_S, NANOS
from vimesh.domain.vims import Repeat, Report, Standing
from vimesh.v1 import conductor_service_pb2 as pb

_CONTINUATION = 0x80
"""Continuation bit of a varint: set in every byte but the last."""


def _tag(of: type[Message], field: str) -> int:
    """Return the tag byte of a length-delimited field."""
    return of.DESCRIPTOR.fields_by_name[field].number << 3 | 2


_REPORT = _tag(pb.UpdateVimsRequest, "reports")
_AGE = _tag(pb.UpdateVimRequest, "age")
_ID_BEGIN = bytes((_tag(pb.UpdateVimRequest, "vim_id"), 36))
_ID_END = 38
"""A report starts with the ID of its VIM: tag, length and 36 characters."""
_parse_age = Duration.FromString


def read_repeats(request: bytes, cached_standings: Mapping[str, Standing], contact_within_s: float) -> list[Repeat]:
    """Return the VIM and the standing that each report of a serialized UpdateVimsRequest repeats.

    Empty unless every report is recognized as a repeat: the request must then be parsed.
    """
    get, repeats, at, end = cached_standings.get, [], 0, len(request)
    try:
        while at < end:
            length, begin = request[at + 1], at + 2
            if length >= _CONTINUATION:
                length, begin = length - _CONTINUATION + (request[begin] << 7), begin + 1
                if request[begin - 1] >= _CONTINUATION:
                    break
            id_end = begin + _ID_END
            vim_id = str(request[begin + 2 : id_end], "latin-1")
            standing = get(vim_id)
            if standing is None or request[at] != _REPORT or not request.startswith(_ID_BEGIN, begin):
                break
            report_bytes, at = standing.serialized_report, begin + length
            if not (report_bytes and request.startswith(report_bytes, id_end)):
                break
            if (age := id_end + len(report_bytes)) != at:
                if request[age] != _AGE or not request[age + 1] == at - age - 2 < _CONTINUATION:
                    break
                parsed_age = _parse_age(request[age + 2 : at])
                if not (0 <= parsed_age.seconds < GREATEST_AGE_S and 0 <= parsed_age.nanos < NANOS):
                    break
            repeats.append((vim_id, standing, contact_within_s))
        else:
            return repeats if at == end else []
    except (IndexError, DecodeError):
        pass
    return []


def store_serialized_reports(
    messages: Iterable[pb.UpdateVimRequest], reports: Sequence[Report], cached_standings: Mapping[str, Standing]
) -> None:
    """Store the serialized form of each report that is on record with its standing. Clears ages in the messages."""
    for message, report in zip(messages, reports, strict=True):
        standing = cached_standings.get(report.vim_id)
        # IDs are case-insensitive, but `read_repeats` looks standings up by the bytes of the ID.
        if standing is not None and standing.holds and standing.matches(report) and message.vim_id == report.vim_id:
            message.ClearField("age")
            message.DiscardUnknownFields()  # their length is unbounded
            standing.serialized_report = message.SerializeToString()[_ID_END:]
