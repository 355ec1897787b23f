"""The seam between connections, which see more of a server than its answer, and what is told about that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from vimesh.monitor.targets.target import Target


@dataclass(frozen=True, slots=True)
class Handshake:
    """A TLS handshake that has come as far as the certificate of the server."""

    certificate: bytes
    """In DER form; empty: it has shown none."""
    chain: Callable[[], Sequence[bytes]]
    """Returns all certificates that it has sent, its own first. Call it before anything else happens to the session."""
    verifies: bool
    """Whether the certificate had to be valid."""
    refusal_code: int = 0
    """Why it was refused, by OpenSSL's numbers; 0: it was not."""
    refusal: str = ""

    def whole_chain(self) -> tuple[bytes, ...]:
        """Return `chain`, or at least the certificate: this version of OpenSSL may not tell the others."""
        return tuple(self.chain()) or (self.certificate,)


class Sightings(Protocol):
    """Takes what connections see. It is called in the loop, for nearly each probe, and must not take long."""

    def note_handshake(self, target: Target, handshake: Handshake) -> None: ...

    def note_answer(self, target: Target, code: int, body: bytes | None) -> None:
        """Note an answer of a target whose service is judged. `body`: None if it did not come to its end."""


class NoSightings:
    """For probes of which only the verdict is told."""

    def note_handshake(self, target: Target, handshake: Handshake) -> None:
        """Forget it."""

    def note_answer(self, target: Target, code: int, body: bytes | None) -> None:
        """Forget it."""
