"""Defines the outcome of importing one VIM."""

from __future__ import annotations

from dataclasses import dataclass

from vimesh.cli.vim_import.import_tally import ImportTally, Result
from vimesh.tacker.tacker_vims import Named

SETTLED = frozenset({Result.IMPORT, Result.IMPORTED, Result.PRESENT})
"""Results that leave nothing for the user to do."""


@dataclass(frozen=True, slots=True)
class Outcome:
    named: Named
    result: Result
    detail: str = ""
    """The fields that differ, why it cannot be imported, or the secrets that are left out."""

    @property
    def text(self) -> str:
        return f"{self.result}: {self.detail}" if self.detail else str(self.result)

    def cells(self) -> list[str]:
        named = self.named
        return [named.name, named.vim_id, named.project_id, named.type, named.auth_url, self.text]

    def document(self) -> dict[str, str]:
        named = self.named
        return {
            "name": named.name,
            "id": named.vim_id,
            "project_id": named.project_id,
            "type": named.type,
            "auth_url": named.auth_url,
            "result": str(self.result),
            "detail": self.detail,
        }


TackerTally = ImportTally[Outcome]
