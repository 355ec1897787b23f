"""A program imports all that it needs from one package, which needs nothing of a server."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import vimesh.client

_SOURCE = Path(vimesh.client.__file__)
_WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Missing())
import vimesh.client
for name in vimesh.client.__all__:
    getattr(vimesh.client, name)
print(sorted(name for name in sys.modules if name.startswith("vimesh.") and name.count(".") == 1))
"""
_OF_SERVERS = {
    *("alembic", "cryptography", "dateutil", "google.api_core", "grpc_health", "grpc_reflection", "prometheus_client"),
    *("protovalidate", "rich", "sqlalchemy", "starlette", "typer", "uvicorn", "uvloop", "yaml"),
}


def test_the_package_has_each_name_that_it_promises() -> None:
    names = {name: getattr(vimesh.client, name) for name in vimesh.client.__all__}
    for_types = {
        alias.name
        for block in ast.parse(_SOURCE.read_text()).body
        if isinstance(block, ast.If)
        for statement in block.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }

    assert names.keys() == for_types
    assert sorted(names) == sorted(vimesh.client._MODULES)


def test_it_needs_nothing_of_a_server_nor_of_the_command_line() -> None:
    code = _WITHOUT.replace("{names}", repr(_OF_SERVERS))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 0, done.stderr
    parts = set(ast.literal_eval(done.stdout))
    assert not parts & {f"vimesh.{name}" for name in ("cli", "store", "conductor", "monitor", "api", "bridge")}


def test_importing_it_does_not_import_grpc() -> None:
    """The command line uses some of its modules, and starts within a fraction of what that takes."""
    code = "import sys, vimesh.client.credentials.profiles; print('grpc' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout == "False\n"
