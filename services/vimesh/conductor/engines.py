"""Which engines run ping actions here."""

from __future__ import annotations

from dataclasses import dataclass

from vimesh.domain.errors import EngineNotServed
from vimesh.domain.vims import Engine


@dataclass(frozen=True, slots=True)
class Engines:
    default: Engine = Engine.EMBEDDED
    """Runs the actions of new VIMs that ask for none."""

    def require(self, engine: Engine) -> None:
        """Raise EngineNotServed unless the engine's actions find somebody to run them.

        Anybody may start a monitor, or report by other means; an engine with workflows has to be set up.
        """
        if engine not in (Engine.EMBEDDED, Engine.EXTERNAL, self.default):
            raise EngineNotServed(engine.value)
