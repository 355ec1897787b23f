"""Runs the real Keystone over a SQLite file, with the users, projects and services that a test needs."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from cryptography.fernet import Fernet
from keystoneauth1.identity.v3 import Password
from keystoneauth1.session import Session

from tests.support.clouds.targets import free_port

_BIN: Final = Path(__file__).parents[3] / ".cache" / "keystone" / "bin"
_LIMIT_S: Final = 120
PASSWORD: Final = "correct horse battery staple"

_CONFIG: Final = """
[DEFAULT]
log_file = {folder}/keystone.log
[database]
connection = sqlite:///{folder}/keystone.sqlite?timeout={lock_timeout_s}
[fernet_tokens]
key_repository = {folder}/fernet-keys
[fernet_receipts]
key_repository = {folder}/fernet-keys
[credential]
key_repository = {folder}/credential-keys
[cache]
enabled = false
[identity]
password_hash_rounds = 4
[token]
expiration = {expiration_s}
"""

SERVICE_FILE: Final = """
[keystone_authtoken]
auth_type = password
auth_url = {url}
www_authenticate_uri = {url}
username = vimesh
password = {password}
project_name = service
user_domain_name = Default
project_domain_name = Default
"""


@dataclass(frozen=True)
class Keystone:
    url: str
    folder: Path

    @property
    def log(self) -> Path:
        return self.folder / "keystone.log"

    def session(self, user: str, project: str | None = None) -> Session:
        """Log in with the password that all users have; without a project, the token is for none."""
        domain = "Default" if project else None
        auth = Password(
            self.url,
            username=user,
            password=PASSWORD,
            user_domain_name="Default",
            project_name=project,
            project_domain_name=domain,
        )
        return Session(auth, timeout=_LIMIT_S)

    def token(self, user: str, project: str | None = None) -> str:
        return str(self.session(user, project).get_token())

    def revoke(self, token: str) -> None:
        answer = Session(timeout=_LIMIT_S).delete(
            f"{self.url}/auth/tokens", headers={"X-Auth-Token": token, "X-Subject-Token": token}
        )
        assert answer.status_code == 204

    def add_project(self, name: str) -> str:
        return self._add("project", name=name, domain_id="default")

    def add_user(self, name: str, project_id: str, role: str) -> str:
        """Make a user with a role in a project; return its id."""
        user_id = self._add("user", name=name, domain_id="default", password=PASSWORD)
        roles = self._admin.get(f"{self.url}/roles?name={role}").json()["roles"]
        self._admin.put(f"{self.url}/projects/{project_id}/users/{user_id}/roles/{roles[0]['id']}")
        return user_id

    def id_of_user(self, name: str) -> str:
        return str(self._admin.get(f"{self.url}/users?name={name}").json()["users"][0]["id"])

    def add_service(self, kind: str, url: str) -> None:
        service_id = self._add("service", type=kind, name=kind)
        self._add("endpoint", service_id=service_id, interface="public", region_id="RegionOne", url=url)

    def change_user(self, user_id: str, **fields: object) -> None:
        self._admin.patch(f"{self.url}/users/{user_id}", json={"user": fields})

    def add_application_credential(self, user: str, project: str) -> tuple[str, str]:
        """Make an application credential of a user; return its id and its secret."""
        session = self.session(user, project)
        answer: Any = session.post(
            f"{self.url}/users/{session.get_user_id()}/application_credentials",
            json={"application_credential": {"name": f"vimesh-{user}"}},
        )
        made = answer.json()["application_credential"]
        return str(made["id"]), str(made["secret"])

    def remove_services(self, kind: str) -> None:
        admin = self._admin
        for service in admin.get(f"{self.url}/services?type={kind}").json()["services"]:
            admin.delete(f"{self.url}/services/{service['id']}")

    @contextmanager
    def without_database(self) -> Generator[None]:
        """Keep the database from it, which then answers as it does when its database is away."""
        with closing(sqlite3.connect(self.folder / "keystone.sqlite", timeout=_LIMIT_S)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            yield

    def write_service_file(self, path: Path, more: str = "") -> Path:
        """Write what an OpenStack service has to log in, and return the path."""
        path.write_text(SERVICE_FILE.format(url=self.url, password=PASSWORD) + more)
        return path

    def _add(self, kind: str, **fields: object) -> str:
        answer: Any = self._admin.post(f"{self.url}/{kind}s", json={kind: fields})
        return str(answer.json()[kind]["id"])

    @cached_property
    def _admin(self) -> Session:
        return self.session("admin", "admin")


@contextmanager
def running_keystone(folder: Path, *, expiration_s: int = 3600, lock_timeout_s: float = 5) -> Generator[Keystone]:
    """Make a Keystone in a folder, or use the one that is there, and serve it. Stops the server at the end.

    `lock_timeout_s`: how long it waits for its database.
    """
    port = free_port()
    config = folder / f"keystone-{port}.conf"
    config.write_text(_CONFIG.format(folder=folder, expiration_s=expiration_s, lock_timeout_s=lock_timeout_s))
    keystone = Keystone(f"http://127.0.0.1:{port}/v3", folder)
    if is_new := not (folder / "keystone.sqlite").exists():
        _make(folder, config, keystone.url)
    with _serving(folder, config, port):
        if is_new:
            keystone.add_user("vimesh", keystone.add_project("service"), "service")
        yield keystone


def _make(folder: Path, config: Path, url: str) -> None:
    for keys in ("fernet-keys", "credential-keys"):
        # As `keystone-manage fernet_setup` makes them, which takes ten seconds each.
        (folder / keys).mkdir(mode=0o700)
        for name in ("0", "1"):
            (folder / keys / name).write_bytes(Fernet.generate_key())
    bootstrap = ("bootstrap", "--bootstrap-password", PASSWORD, "--bootstrap-region-id", "RegionOne")
    for command in (("db_sync",), (*bootstrap, "--bootstrap-public-url", url)):
        manage = [_BIN / "keystone-manage", "--config-file", config, *command]
        done = subprocess.run(manage, check=False, capture_output=True, text=True, timeout=_LIMIT_S)
        assert done.returncode == 0, done.stderr


@contextmanager
def _serving(folder: Path, config: Path, port: int) -> Generator[None]:
    program: list[str | Path] = [_BIN / "python", Path(__file__).with_name("keystone_main.py"), str(port), config]
    with (folder / f"server-{port}.log").open("wb") as log:
        process = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=log)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line == b"serving\n", (folder / f"server-{port}.log").read_text()
        yield
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_LIMIT_S)
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
