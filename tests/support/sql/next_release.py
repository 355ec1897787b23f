"""Makes a vimesh of the next release: this one, whose tables have two migrations more."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from vimesh.domain.fleet.upgrade_phases import UpgradePhase
from vimesh.store.upgrade.manage_tables import newest

_ROOT = Path(__file__).parents[3]
_LIMIT_S = 120
_NUMBER = int(newest())
BEFORE, EXPANDED, CONTRACTED = (f"{number:04}" for number in range(_NUMBER, _NUMBER + 3))
_MIGRATION = """
import os
import sqlalchemy as sa
from vimesh.store.migrations import once

revision, down_revision, branch_labels, depends_on = {version!r}, {before!r}, None, None

def upgrade() -> None:
{upgrade}
"""
_BREAK_OFF = """
    if os.environ.get("VIMESH_TEST_BREAK_OFF") == {phase!r}:
        raise ConnectionResetError
"""
_EXPAND = """
    once.add_column("vims", sa.Column("rack", sa.String(64)))
    once.add_column("events", sa.Column("rack", sa.String(64)))
{break_off}
    once.add_column("revisions", sa.Column("racks", sa.BigInteger(), nullable=False, server_default=sa.text("0")))
    once.create_table("racks", sa.Column("id", sa.String(36), nullable=False), sa.PrimaryKeyConstraint("id"))
"""
_CONTRACT = """
    once.drop_columns("vims", ["description"])
{break_off}
"""
HARMLESS_CONTRACT = """
    once.drop_columns("revisions", ["racks"])
{break_off}
"""
"""For a release whose code is this one: it takes away what only the expansion has added."""


@dataclass(frozen=True)
class NextRelease:
    folder: Path

    async def upgrade(
        self, url: str, phase: UpgradePhase | None = None, break_off: UpgradePhase | None = None
    ) -> tuple[int, str]:
        """Upgrade the tables; return the exit code and what was printed. `break_off`: fail in the middle of a phase."""
        more = {} if break_off is None else {"VIMESH_TEST_BREAK_OFF": str(break_off)}
        return await self("db", "upgrade", *(() if phase is None else ("--phase", phase)), url=url, **more)

    async def __call__(self, *arguments: str, url: str, **environment: str) -> tuple[int, str]:
        """Run a command; return the exit code and what it printed."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "vimesh.cli", *arguments),
            env={
                **os.environ,
                **environment,
                "VIMESH_DATABASE_URL": url,
                "PYTHONPATH": f"{self.folder}{os.pathsep}{_ROOT / 'gen'}",
            },
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(_LIMIT_S):
            output, _ = await process.communicate()
        return process.returncode or 0, output.decode()


def make_next_release(folder: Path) -> NextRelease:
    """Copy this release to `folder`, and add migrations, of which the second takes away what this code uses."""
    shutil.copytree(_ROOT / "services" / "vimesh", folder / "vimesh", ignore=shutil.ignore_patterns("__pycache__"))
    add_migrations(folder / "vimesh", _CONTRACT)
    return NextRelease(folder)


def add_migrations(package: Path, contract: str) -> None:
    """Add a migration that expands the tables to a copy of our package, and one that contracts them."""
    versions = package / "store" / "migrations" / "versions"
    for version, before, phase, upgrade in (
        (EXPANDED, BEFORE, UpgradePhase.EXPAND, _EXPAND),
        (CONTRACTED, EXPANDED, UpgradePhase.CONTRACT, contract),
    ):
        broken_off = upgrade.format(break_off=_BREAK_OFF.format(phase=str(phase)))
        module = _MIGRATION.format(version=version, before=before, upgrade=broken_off)
        (versions / f"v{version}_next.py").write_text(module)
    table_versions = package / "store" / "upgrade" / "table_versions.py"
    text = table_versions.read_text()
    declared = text.replace('frozenset({"0004", ', f'frozenset({{"{CONTRACTED}", "0004", ')
    assert declared != text
    table_versions.write_text(declared)
