"""Registers the endpoints of the demo as VIMs, and plays its script."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping

import grpc

from vimesh.cli.demo.demo_endpoint import DemoEndpoint
from vimesh.cli.demo.demo_script import SCRIPT
from vimesh.cli.supervision.log_lines import Say
from vimesh.client.calls.front_stubs import Front
from vimesh.client.client_errors import NameUnknown
from vimesh.client.lookups.find_vim import find
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_pb2 import Vim

PROJECT = "vimesh-demo"
"""A separate project, so that the demo never touches VIMs of the user."""


async def enter(front: Front, endpoints: Mapping[str, DemoEndpoint]) -> list[str]:
    """Register the endpoints, or update VIMs that an earlier demo left behind. Returns the ids."""
    return [await _enter(front, name, endpoint.auth_url) for name, endpoint in endpoints.items()]


async def _enter(front: Front, name: str, auth_url: str) -> str:
    vim = Vim(project_id=PROJECT, name=name, type="openstack", auth_url=auth_url)
    vim.probe_policy.interval.FromSeconds(1)
    vim.probe_policy.timeout.FromMilliseconds(500)
    try:
        present = await find(front, name, PROJECT)
    except NameUnknown:
        return (await front.vims.RegisterVim(pb.RegisterVimRequest(vim=vim), timeout=front.timeout_s)).vim.id
    change = pb.ModifyVimRequest(vim=Vim(id=present.id, auth_url=auth_url, probe_policy=vim.probe_policy))
    return (await front.vims.ModifyVim(change, timeout=front.timeout_s)).vim.id


async def leave(front: Front, vim_ids: list[str]) -> None:
    """Deregister the VIMs, ignoring failed calls."""
    for vim_id in vim_ids:
        with contextlib.suppress(grpc.aio.AioRpcError):
            await front.vims.DeregisterVim(pb.DeregisterVimRequest(vim_id=vim_id), timeout=front.timeout_s)


async def play(endpoints: Mapping[str, DemoEndpoint], say: Say) -> None:
    """Repeat the script until cancelled."""
    while True:
        for step in SCRIPT:
            await asyncio.sleep(step.after_s)
            say("demo", f"{step.name} {step.scene}")
            try:
                await endpoints[step.name].play(step.scene)
            except OSError as error:
                # Another process took the port while the endpoint was away: it stays away until its next scene.
                say("demo", f"{step.name} cannot listen again: {error.strerror}")
