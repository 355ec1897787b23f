"""What came of one VIM."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from vimesh.tacker.tacker_vims import Named


class Result(StrEnum):
    IMPORT = "import"
    """It would be imported."""
    IMPORTED = "imported"
    PRESENT = "present"
    """The fleet has it, with the same content."""
    DIFFERS = "differs"
    """The fleet has it, with other content, and it was left alone."""
    CANNOT = "cannot"
    """It cannot be imported as it is."""
    FAILED = "failed"
    """The fleet did not take it, and it is not said to be the VIM's fault."""


SETTLED = frozenset({Result.IMPORT, Result.IMPORTED, Result.PRESENT})
"""Nothing is left to do for somebody."""


@dataclass(frozen=True, slots=True)
class Outcome:
    named: Named
    result: Result
    detail: str = ""
    """Which fields differ, why it cannot be imported, or what is left out."""

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
