"""Builds the text that `vimesh up` prints once everything is up: what to type next."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

from vimesh.cli.base.command_settings import DEFAULT_PORT

_OPEN_TO_ALL = "Anyone who can reach this address can change everything: calls are not authenticated."


def ready_block(address: str, *, summary: str, only_this_machine: bool) -> str:
    vimesh = shlex.quote(typed_name())
    lines = [f"vimesh is up at {address}: {summary}", ""]
    if not only_this_machine:
        lines += [f"  {_OPEN_TO_ALL}", ""]
    if address != f"127.0.0.1:{DEFAULT_PORT}":
        lines += [f"  export VIMESH_ADDRESS={address}", ""]
    lines += [
        "  # In another terminal, a server to probe: python3 -m http.server 5000 --bind 127.0.0.1",
        f"  {vimesh} vim register first --type openstack --auth-url http://127.0.0.1:5000/v3",
        f"  {vimesh} vim wait first --for REACHABLE",
        f"  {vimesh} vim list",
        f"  {vimesh} vim watch",
        f"  curl {address}/v1/vims",
        "",
        "  # Not installed with vimesh: grpcurl (https://github.com/fullstorydev/grpcurl), and",
        "  # openstack (pip install python-openstackclient python-tackerclient)",
        f"  grpcurl -plaintext {address} list vimesh.v1.VimService",
        f"  openstack --os-auth-type none --os-endpoint http://{address} vim list",
        "",
        "Ctrl-C stops it.",
        "",
    ]
    return "\n".join(lines)


def typed_name() -> str:
    """Return how to type this command here: its name if the shell finds it, otherwise its path."""
    script = Path(sys.executable).with_name("vimesh")
    found = shutil.which("vimesh")
    if found is not None and Path(found).resolve() == script.resolve():
        return "vimesh"
    return os.path.relpath(script) if script.is_relative_to(Path.cwd()) else str(script)
