"""Audits the workflows in Mistral, from the first call to the last repair."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from vimesh.api.audit.compare_workflows import Finding, findings
from vimesh.api.audit.repair_workflows import DONE, Repair
from vimesh.api.audit.workflow_inventory import collect_inventory, inventory_client
from vimesh.cli.base.client_settings import ClientSettings
from vimesh.cli.base.exits import ExitCode, Failure
from vimesh.cli.client.front import failed_calls_explained, warn
from vimesh.cli.output.table_columns import ResourceTable, TableColumn, Visibility
from vimesh.client.credentials.keep_login import valid_login
from vimesh.engine.engine_errors import EngineRefused, EngineUnavailable
from vimesh.engine.mistral_access import MistralAccess
from vimesh.engine.mistral_engine import mistral_engine
from vimesh.rpc.channels import channel


@dataclass(frozen=True, slots=True)
class Audited:
    finding: Finding
    repair: str
    """Result of the repair: DONE, or why nothing was changed; empty if none was tried."""

    @property
    def repaired(self) -> bool:
        return self.repair == DONE

    def document(self) -> dict[str, str]:
        finding = self.finding
        return {
            "finding": finding.kind,
            "vim_id": finding.vim_id,
            "workflow_name": finding.workflow_name,
            "action_id": finding.action_id,
            "execution_id": finding.execution_id,
            "state": finding.state,
            "detail": finding.detail,
            "repair": self.repair,
        }


FINDINGS: Final = ResourceTable[Audited](
    columns=(
        TableColumn("FINDING", lambda row: row.finding.kind),
        TableColumn("VIM", lambda row: row.finding.vim_id),
        TableColumn("ACTION", lambda row: row.finding.action_id),
        TableColumn("STATE", lambda row: row.finding.state),
        TableColumn("DETAIL", lambda row: row.finding.detail),
        TableColumn("REPAIR", lambda row: row.repair, Visibility.IF_ANY),
    ),
    name=lambda row: row.finding.vim_id,
    document=Audited.document,
)


def audited(client: ClientSettings, access: MistralAccess, *, repair: bool) -> list[Audited]:
    """Return the findings, repaired if wanted. Raises Failure if the front or Mistral does not answer."""
    try:
        with failed_calls_explained(client.address):
            return asyncio.run(_audited(client, access, repair=repair))
    except EngineUnavailable as error:
        raise Failure(str(error), code=ExitCode.UNAVAILABLE) from error
    except EngineRefused as error:
        raise Failure(str(error)) from error
    except TimeoutError:
        what = f"{client.address} did not list the wanted actions in time"
        raise Failure(what, code=ExitCode.UNAVAILABLE) from None


async def _audited(client: ClientSettings, access: MistralAccess, *, repair: bool) -> list[Audited]:
    async with (
        valid_login(client.credentials, warn),
        channel(client.address, client.credentials) as opened,
        mistral_engine(access) as engine,
    ):
        front = inventory_client(opened, client.call_timeout_s)
        found = findings(await collect_inventory(front, engine.listing))
        repaired = await Repair(front, engine).repair(found) if repair else [""] * len(found)
    return [Audited(finding, what) for finding, what in zip(found, repaired, strict=True)]
