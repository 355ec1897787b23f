"""How the commands that talk to Mistral reach it."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING

from vimesh.cli import settings
from vimesh.domain.errors import BadSetting
from vimesh.domain.settings import Sources

if TYPE_CHECKING:
    from vimesh.engine.mistral_access import MistralAccess  # imported when Mistral's client is there


def access(found: Sources, *, url: str | None, concurrency: str | None = None) -> MistralAccess:
    """Raises BadSetting."""
    if find_spec("mistralclient") is None:
        raise BadSetting("--engine", "mistral is not installed: pip install '.[mistral]' in a checkout")
    from vimesh.engine.mistral_access import MistralAccess, uses_keystone  # noqa: PLC0415 - see above

    return MistralAccess(
        found.read(settings.MISTRAL_URL, url),
        keystone=uses_keystone(os.environ),
        call_timeout_s=found.read(settings.MISTRAL_TIMEOUT),
        concurrency=found.read(settings.CONCURRENCY, concurrency),
    )
