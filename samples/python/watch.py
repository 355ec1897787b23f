"""Registers a VIM, prints every change of its status until it is reachable, and deregisters it.

    python watch.py http://127.0.0.1:5000/v3

The front of the mesh is VIMESH_ADDRESS, by default 127.0.0.1:7600, and the certificate to show there is in the folder
VIMESH_CREDENTIALS; without one, the front is called without TLS. Needs the generated stubs: the Python in .venv has
them once `make up` has run, another one gets them by `pip install .` in the checkout.
"""

from __future__ import annotations

import os
import sys
import uuid
from pathlib import Path

import grpc

from vimesh.v1 import vim_pb2, vim_service_pb2
from vimesh.v1.vim_service_pb2_grpc import VimServiceStub

WITHIN_S = 30


def main(auth_url: str) -> None:
    with open_channel(os.environ.get("VIMESH_ADDRESS", "127.0.0.1:7600")) as channel:
        vims = VimServiceStub(channel)
        # Repeating the call with the same request_id would be answered with the same VIM.
        request = vim_service_pb2.RegisterVimRequest(
            vim=vim_pb2.Vim(name=f"sample-{uuid.uuid4()}", type="openstack", auth_url=auth_url),
            request_id=str(uuid.uuid4()),
        )
        vim = vims.RegisterVim(request, timeout=10).vim
        try:
            print(vim.revision, "REGISTERED", vim_pb2.Vim.Status.Name(vim.status))
            follow(vims, vim)
        finally:
            vims.DeregisterVim(vim_service_pb2.DeregisterVimRequest(vim_id=vim.id), timeout=10)
            print("deregistered")


def open_channel(address: str) -> grpc.Channel:
    folder = os.environ.get("VIMESH_CREDENTIALS")
    if not folder:
        return grpc.insecure_channel(address)
    trusted, key, certificate = ((Path(folder) / name).read_bytes() for name in ("ca.crt", "tls.key", "tls.crt"))
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(trusted, key, certificate))


def follow(vims: VimServiceStub, vim: vim_pb2.Vim) -> None:
    # From the change after the registration on: nothing is missed, however long it took to get here.
    watch = vim_service_pb2.WatchVimsRequest(vim_id=vim.id, start_revision=vim.revision + 1)
    try:
        for response in vims.WatchVims(watch, timeout=WITHIN_S):
            for event in response.events:
                kind, status = vim_pb2.VimEvent.Kind.Name(event.kind), vim_pb2.Vim.Status.Name(event.status)
                print(event.revision, kind, status, event.reason)
            if any(event.status == vim_pb2.Vim.REACHABLE for event in response.events):
                return
    except grpc.RpcError as error:
        if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            sys.exit(f"not REACHABLE within {WITHIN_S} s")
        raise


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python watch.py AUTH_URL")
    try:
        main(sys.argv[1])
    except grpc.RpcError as error:
        sys.exit(f"{error.code().name}: {error.details()}")
