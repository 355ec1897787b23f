"""States which engines run ping actions in this deployment."""

from __future__ import annotations

from dataclasses import dataclass

from vimesh.domain.errors import EngineNotServed
from vimesh.domain.vims import Engine


@dataclass(frozen=True, slots=True)
class Engines:
    default: Engine = Engine.EMBEDDED
    """Engine of new VIMs that do not name one."""

    def require(self, engine: Engine) -> None:
        """Raise EngineNotServed unless the engine's actions can be run.

        A monitor can be started at any time, and reports can come from other tools. A workflow engine has to be set up.
        """
        if engine not in (Engine.EMBEDDED, Engine.EXTERNAL, self.default):
            raise EngineNotServed(engine.value)
