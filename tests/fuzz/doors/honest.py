"""Calls correctly right after an odd input, so that harm to others is attributed to that input."""

from __future__ import annotations

import grpc

from tests.fuzz.doors.known_vims import BYSTANDER_ID
from vimesh.v1.vim_service_pb2 import GetVimRequest
from vimesh.v1.vim_service_pb2_grpc import VimServiceStub

_CALL_S = 20.0
_OPTIONS = (("grpc.use_local_subchannel_pool", 1),)
_CHANNELS = 4
"""Envoy assigns each connection to one of its workers, and an input often harms only one of these."""


class Honest:
    def __init__(self, front: str) -> None:
        self._channels = [grpc.insecure_channel(front, _OPTIONS) for _ in range(_CHANNELS)]
        self._turn = 0

    def complaint(self) -> str:
        """Make a call, and return what was wrong with the answer; empty if nothing was."""
        self._turn += 1
        try:
            stub = VimServiceStub(self._channels[self._turn % _CHANNELS])
            stub.GetVim(GetVimRequest(vim_id=BYSTANDER_ID), timeout=_CALL_S)
        except grpc.RpcError as error:
            return f"harms others: {error.code().name} {(error.details() or '')[:200]}"
        return ""

    def close(self) -> None:
        for channel in self._channels:
            channel.close()
