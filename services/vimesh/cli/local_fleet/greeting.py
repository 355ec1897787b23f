"""Builds the text that `vimesh up` prints once everything is up: what to type next."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

from vimesh.cli.base.command_settings import DEFAULT_PORT
from vimesh.files.certificate_files import CERTIFICATE, KEY, TRUSTED

_OPEN = "--insecure: any user and program of this machine can change everything."

_LOOPBACK_PROBED = "VIMs at loopback addresses are probed, too (127.0.0.0/8 and ::1)."
_LOOPBACK_DENIED = "VIMs at loopback addresses are not probed, and read UNKNOWN: see --probe-allow and --probe-deny."


def ready_block(
    address: str,
    *,
    summary: str,
    credentials: Path | None,
    probes_loopback: bool | None,
    metrics: str | None,
) -> str:
    """Return the text.

    `credentials`: the folder with what its user shows to a secured fleet; None: the fleet asks nobody.
    `probes_loopback`: None if the monitors are not part of this fleet. `metrics`: where they are, as `host:port`; None:
    there are none.
    """
    vimesh = shlex.quote(typed_name())
    lines = [f"vimesh is up at {address}: {summary}", ""]
    if credentials is None:
        lines += [f"  {_OPEN}", ""]
    if probes_loopback is not None:
        lines += [f"  {_LOOPBACK_PROBED if probes_loopback else _LOOPBACK_DENIED}", ""]
    lines += [f"  Console: http{'s' if credentials else ''}://{address}/console/", ""]
    if metrics is not None:
        lines += [f"  Metrics for Prometheus: http{'s' if credentials else ''}://{metrics}/metrics", ""]
    if address != f"127.0.0.1:{DEFAULT_PORT}":
        lines += [f"  export VIMESH_ADDRESS={address}", ""]
    if credentials is not None:
        lines += [
            "  # Commands in this folder find the certificate of its user; elsewhere:",
            f"  export VIMESH_CREDENTIALS={shlex.quote(str(credentials))}",
            "",
        ]
    curl, grpcurl, openstack = _other_clients(address, credentials)
    lines += [
        "  # In another terminal, a server to probe: python3 -m http.server 5000 --bind 127.0.0.1",
        f"  {vimesh} vim register first --type openstack --auth-url http://127.0.0.1:5000/v3",
        f"  {vimesh} vim wait first --for REACHABLE",
        f"  {vimesh} vim list",
        f"  {vimesh} vim watch",
        f"  {curl}/v1/vims",
        "",
        "  # Not installed with vimesh: grpcurl (https://github.com/fullstorydev/grpcurl), and",
        "  # openstack (pip install python-openstackclient python-tackerclient)",
        f"  {grpcurl} list vimesh.v1.VimService",
        f"  {openstack} vim list",
        "",
        "Ctrl-C stops it.",
        "",
    ]
    return "\n".join(lines)


def _other_clients(address: str, credentials: Path | None) -> tuple[str, str, str]:
    """Return how other clients are called: curl, grpcurl and openstack."""
    if credentials is None:
        return (
            f"curl {address}",
            f"grpcurl -plaintext {address}",
            f"openstack --os-auth-type none --os-endpoint http://{address}",
        )
    trusted, certificate, key = (shlex.quote(str(credentials / name)) for name in (TRUSTED, CERTIFICATE, KEY))
    tls_flags = f"--os-cacert {trusted} --os-cert {certificate} --os-key {key}"
    return (
        f"curl --cacert {trusted} --cert {certificate} --key {key} https://{address}",
        f"grpcurl -cacert {trusted} -cert {certificate} -key {key} {address}",
        f"openstack {tls_flags} --os-auth-type none --os-endpoint https://{address}",
    )


def typed_name() -> str:
    """Return how to type this command here: its name if the shell finds it, otherwise its path."""
    script = Path(sys.executable).with_name("vimesh")
    found = shutil.which("vimesh")
    if found is not None and Path(found).resolve() == script.resolve():
        return "vimesh"
    return os.path.relpath(script) if script.is_relative_to(Path.cwd()) else str(script)
