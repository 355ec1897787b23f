"""Checks that everything works after the run: all stored VIMs can be read, in each way to read them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from urllib.parse import quote

import grpc

from tests.fuzz.doors.site import Site
from vimesh.v1.vim_service_pb2 import WatchVimsRequest
from vimesh.v1.vim_service_pb2_grpc import VimServiceStub

_CALL_S = 60.0
_LISTS = (("/v1/vims?page_size=1000", "vims"), ("/v1/events?page_size=1000", "events"))
_SNAPSHOT = "/v1/vims:watch?snapshot=true"


def left_behind(site: Site) -> list[str]:
    """Return what can no longer be read."""
    return [*_of_lists(site), *_of_snapshot(site), *_of_json_snapshot(site)]


def _of_lists(site: Site) -> Iterator[str]:
    for path, what in _LISTS:
        try:
            _read_all(site.front, path, what)
        except (OSError, ValueError, KeyError, HTTPException) as error:
            yield f"{path} cannot be read through Envoy: {error!r}"


def _read_all(front: str, path: str, what: str) -> int:
    """Read all pages; return the number of entries. Raises ValueError, OSError, HTTPException."""
    token, count = "", 0
    while True:
        connection = HTTPConnection(front, timeout=_CALL_S)
        connection.request("GET", f"{path}&page_token={quote(token)}")
        response = connection.getresponse()
        body = response.read()
        connection.close()
        if response.status != 200:
            raise ValueError(f"{response.status} after {count} {what}: {body[:300]!r}")
        page = json.loads(body)
        count += len(page[what])
        token = page["next_page_token"]
        if not token:
            return count


def _of_snapshot(site: Site) -> Iterator[str]:
    with grpc.insecure_channel(site.front) as channel:
        stream = VimServiceStub(channel).WatchVims(WatchVimsRequest(snapshot=True), timeout=_CALL_S)
        try:
            next(answer for answer in stream if answer.revision)
        except (grpc.RpcError, StopIteration) as error:
            yield f"the snapshot of WatchVims cannot be read: {error!r}"
        finally:
            stream.cancel()


def _of_json_snapshot(site: Site) -> Iterator[str]:
    """Read the stream as text up to the message that ends the snapshot."""
    connection = HTTPConnection(site.front, timeout=_CALL_S)
    try:
        connection.request("GET", _SNAPSHOT)
        response = connection.getresponse()
        text = b""
        while b'"revision":"' not in text.replace(b'"revision":"0"', b"").rpartition(b'"events"')[2]:
            piece = response.read1()
            if not piece:
                yield f"{_SNAPSHOT} ended early: {response.status} {text[-300:]!r}"
                return
            text += piece
    except (OSError, HTTPException) as error:
        yield f"{_SNAPSHOT} cannot be read: {error!r}"
    finally:
        connection.close()
