"""An OpenStack cloud for logins: a real Keystone, and nginx in front of it and of services that answer as Nova does."""

from __future__ import annotations

import datetime as dt
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.clouds.authorities import Authority
from tests.support.deployments.nginx import nginx
from tests.support.identities.keystones import Keystone

_SERVER = """
  ssl_certificate {folder}/$hostname.crt;
  ssl_certificate_key {folder}/$hostname.key;
  location /v3 {{
    if (-f {folder}/identity-down) {{ return 503; }}
    if (-f {folder}/moved) {{ return 302 http://127.0.0.1:1/; }}
    proxy_pass {keystone};
  }}
  location /compute {{ if (-f {folder}/compute-down) {{ return 503; }} return 401; }}
  location /network {{ return 300; }}
"""
SERVICES = ("compute", "network")


@dataclass(frozen=True)
class KeystoneCloud:
    keystone: Keystone
    url: str
    """Its auth_url."""
    folder: Path
    authority: Authority
    host_name: str

    @property
    def ca(self) -> str:
        """What a VIM has as ssl_ca_cert."""
        return self.authority.file.read_text()

    def break_down(self, what: str) -> None:
        """Let requests to `identity` or `compute` be answered 503 by the balancer; `moved`: 302."""
        (self.folder / (what if what == "moved" else f"{what}-down")).touch()

    def repair(self) -> None:
        for name in ("identity-down", "compute-down", "moved"):
            (self.folder / name).unlink(missing_ok=True)
        self.show_certificate()

    def show_certificate(self, valid_for: dt.timedelta = dt.timedelta(days=1)) -> None:
        """Show another certificate from the next handshake on."""
        signed = self.authority.sign("cloud", "127.0.0.1", valid_for=valid_for)
        signed.certificate.rename(self.folder / f"{self.host_name}.crt")
        signed.key.rename(self.folder / f"{self.host_name}.key")


@asynccontextmanager
async def keystone_cloud(keystone: Keystone, folder: Path) -> AsyncGenerator[KeystoneCloud]:
    """Put nginx in front of a Keystone, and its services into the catalogue."""
    host_name, authority = socket.gethostname().lower(), Authority(folder, "authority")
    cloud = KeystoneCloud(keystone, "", folder, authority, host_name)
    cloud.show_certificate()
    server = _SERVER.format(folder=folder, keystone=keystone.url.removesuffix("/v3"))
    async with nginx(folder, server, listen="ssl") as address:
        for kind in SERVICES:
            keystone.add_service(kind, f"https://{address}/{kind}/v2")
        yield KeystoneCloud(keystone, f"https://{address}/v3", folder, authority, host_name)
