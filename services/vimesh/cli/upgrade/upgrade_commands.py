"""Prints the plan of an upgrade."""

from __future__ import annotations

import asyncio
import sys
from importlib.metadata import version
from typing import Any

import typer

from vimesh.cli.base import client_flags, command_settings, common_settings, flags
from vimesh.cli.base.client_settings import chosen_output
from vimesh.cli.formats.output_formats import DOCUMENTS, Output
from vimesh.cli.output import documents, text_tables
from vimesh.domain.fleet.process_announcements import FleetProcess
from vimesh.domain.fleet.upgrade_phases import TABLES_FACT
from vimesh.domain.fleet.upgrade_plan import NOT_SEEN, PlannedStep, Survey, plan_upgrade

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Upgrade a fleet to this release.")


@app.callback()
def group() -> None:
    """Keep `plan` a subcommand."""


@app.command()
def plan(
    *,
    output: client_flags.Output = None,
    database_url: flags.DatabaseUrl = None,
    config: flags.Config = None,
) -> None:
    """Print what is left to do, in order, to get the fleet of a database to this release. Changes nothing.

    It sees the version of the tables, and the processes that announced themselves within the last hour.
    """
    from vimesh.store.upgrade import manage_tables  # noqa: PLC0415 - clients need no SQL

    found = common_settings.given(config)
    format_ = chosen_output(found, output, DOCUMENTS)
    url = command_settings.required_database_url(found, database_url)
    survey = asyncio.run(manage_tables.survey(url))
    release, newest = version("vimesh"), manage_tables.newest()
    steps = plan_upgrade(survey, release, newest)
    if format_ is Output.TABLE:
        _write(survey, steps, release, newest)
    else:
        documents.write(format_, _document(survey, steps, release, newest))


def _write(survey: Survey, steps: list[PlannedStep], release: str, newest: str) -> None:
    tables = survey.tables
    sys.stdout.write(f"this release is {release}, and makes tables of version {newest}\n")
    sys.stdout.write(f"the tables have version {tables.version}\n" if tables.version else "there are no tables\n")
    if survey.processes:
        rows = [(one.kind, one.host, str(one.pid), one.version, _tables_of(one)) for one in survey.processes]
        sys.stdout.write("\n")
        text_tables.write(("KIND", "HOST", "PID", "VERSION", "TABLES"), rows)
    sys.stdout.write("\n")
    for number, step in enumerate(steps, 1):
        sys.stdout.write(f"{number}. {step.what}\n")
        for line in (step.command, ", ".join(step.where)):
            if line:
                sys.stdout.write(f"   {line}\n")
    if not steps:
        sys.stdout.write("nothing is left to do for what is seen\n")
    sys.stdout.write("\nnot seen:\n" + "".join(f"- {each}\n" for each in NOT_SEEN))


def _tables_of(process: FleetProcess) -> str:
    return process.facts.get(TABLES_FACT, "")


def _document(survey: Survey, steps: list[PlannedStep], release: str, newest: str) -> dict[str, Any]:
    tables = survey.tables
    return {
        "release": {"version": release, "tables": newest},
        "tables": {
            "version": tables.version,
            "compatible_from": tables.compatible_from,
            "pending": [{"phase": step.phase, "versions": list(step.versions)} for step in tables.steps],
        },
        "processes": [
            {
                "kind": one.kind,
                "host": one.host,
                "pid": one.pid,
                "version": one.version,
                "tables": _tables_of(one) or None,
                "missing": one.missing,
            }
            for one in survey.processes
        ],
        "steps": [{"what": step.what, "command": step.command, "where": list(step.where)} for step in steps],
        "not_seen": list(NOT_SEEN),
    }
