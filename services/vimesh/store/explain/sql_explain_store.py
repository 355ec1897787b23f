"""Implements ExplainStore on a SQL database."""

from __future__ import annotations

from vimesh.domain.access.caller import OPEN_CALLER, Caller
from vimesh.domain.explain.vim_evidence import VimEvidence, evidence_for
from vimesh.store.explain.read_evidence import read_evidence
from vimesh.store.transactions.database import Database


class SqlExplainStore:
    """Any number of processes may use the same database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read_evidence(self, vim_id: str, caller: Caller = OPEN_CALLER) -> VimEvidence:
        evidence = await self._database.browse(lambda c: read_evidence(c, vim_id, caller))
        return evidence_for(evidence, caller)
