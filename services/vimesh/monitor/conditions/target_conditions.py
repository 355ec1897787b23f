"""Makes conditions of what probes see: Sightings, for all targets of a host."""

from __future__ import annotations

from vimesh.monitor.conditions.certificate_watch import CertificateWatch
from vimesh.monitor.conditions.condition_book import ConditionBook
from vimesh.monitor.conditions.service_answers import judge_answer
from vimesh.monitor.probes.base.sightings import Handshake
from vimesh.monitor.targets.target import ActionKey, Target


class TargetConditions:
    """Use it only in the loop. In a steady round, it compares the hash of an answer, and that is all."""

    def __init__(self, book: ConditionBook, certificates: CertificateWatch | None) -> None:
        """`certificates`: None if they cannot be read here."""
        self.book = book
        self._certificates = certificates
        self._answers: dict[Target, int] = {}
        """The hash of the last answer of each target whose service is judged."""

    def note_handshake(self, target: Target, handshake: Handshake) -> None:
        if self._certificates is not None:
            self._certificates.note_handshake(target, handshake)

    def note_answer(self, target: Target, code: int, body: bytes | None) -> None:
        # Keyed by a secret of the process: no server can find two answers with the same one.
        digest = hash((code, body))
        if self._answers.get(target) == digest or target.service is None:
            return
        self._answers[target] = digest
        self.book.note_of_target(target, judge_answer(target.service, code, body))

    def add_action(self, action: ActionKey, target: Target) -> None:
        """Tell the conditions of a target for an action, too."""
        self.book.add_action(action, target)

    def remove_action(self, action: ActionKey) -> None:
        """Tell them no longer."""
        self.book.remove_action(action)

    def forget(self, target: Target) -> None:
        """Forget a target that is no longer probed."""
        self.book.forget(target)
        if self._certificates is not None:
            self._certificates.forget(target)
        self._answers.pop(target, None)
