"""Reads from flags and settings how to reach Mistral."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING

from vimesh.cli.base import command_settings
from vimesh.domain.errors import BadSetting
from vimesh.domain.settings import Sources

if TYPE_CHECKING:
    from vimesh.engine.mistral_access import MistralAccess  # needs Mistral's client, which is optional

_WHOLE = 3
"""Limit of a whole answer, in multiples of the time-out."""


def access(found: Sources, *, url: str | None, concurrency: str | None = None) -> MistralAccess:
    """Return the access to Mistral. Raises BadSetting, also if its client is not installed."""
    if find_spec("mistralclient") is None:
        raise BadSetting("--engine", "mistral is not installed: pip install '.[mistral]' in a checkout")
    from vimesh.engine.mistral_access import MistralAccess, uses_keystone  # noqa: PLC0415 - see above

    timeout_s = found.read(command_settings.MISTRAL_TIMEOUT)
    return MistralAccess(
        found.read(command_settings.MISTRAL_URL, url),
        keystone=uses_keystone(os.environ),
        call_timeout_s=timeout_s,
        total_timeout_s=_WHOLE * timeout_s,
        concurrency=found.read(command_settings.CONCURRENCY, concurrency),
    )
