"""Gets the keys that a key file names from a key manager, such as OpenBao or Vault, by OpenStack's castellan.

A line `castellan:CONFIG#ID` names the key with that id in the key manager that the configuration file of castellan has.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any, Final

from vimesh.domain.credential_masks import mask_text
from vimesh.domain.errors import BadSetting

SETTING: Final = "key_file"
PREFIX: Final = "castellan:"
_KEY_BYTES: Final = 32
_TIMEOUT_S: Final = 10.0
"""For each request, unless the configuration says another limit; castellan's own are a minute and more."""
_RETRIES: Final = 3
_REFERENCE = re.compile(r"castellan:([^#]+)#([A-Za-z0-9._-]{1,255})")


def is_reference(line: str) -> bool:
    return line.startswith(PREFIX)


def fetch_key(line: str, folder: Path) -> str:
    """Return the key that a line names; `folder` is that of the file with the line. Raises BadSetting."""
    config, key_id = _parts(line)
    manager, context = _key_manager(folder / config)
    try:
        key: object = manager.get(context, key_id).get_encoded()
    except Exception as error:  # castellan passes on whatever its backends raise
        raise BadSetting(SETTING, f"{line} cannot be read: {_said(error)}") from error
    if not isinstance(key, bytes) or len(key) != _KEY_BYTES:
        raise BadSetting(SETTING, f"{line} is not a key of {_KEY_BYTES} bytes")
    return urlsafe_b64encode(key).decode()


def create_key(config: str, folder: Path) -> str:
    """Create a key in the key manager, and return the line that names it. Raises BadSetting."""
    manager, context = _key_manager(folder / config)
    try:
        key_id = manager.create_key(context, algorithm="AES", length=8 * _KEY_BYTES)
    except Exception as error:  # as above
        raise BadSetting(SETTING, f"a key cannot be created by {config}: {_said(error)}") from error
    line = f"{PREFIX}{config}#{key_id}"
    _parts(line)
    return line


def config_of(line: str) -> str:
    """Return the configuration file in a line, as it is written there. Raises BadSetting."""
    return _parts(line)[0]


def _parts(line: str) -> tuple[str, str]:
    if match := _REFERENCE.fullmatch(line):
        return match[1], match[2]
    raise BadSetting(SETTING, f"{line[:200]!r} must be {PREFIX}, castellan's configuration file, # and the id of a key")


def _key_manager(config: Path) -> tuple[Any, Any]:
    """Return the key manager of a configuration file, and who asks. Raises BadSetting."""
    try:
        from castellan import key_manager, options  # noqa: PLC0415 - most fleets have no key manager
        from castellan.common import utils  # noqa: PLC0415 - as above
        from oslo_config import cfg  # noqa: PLC0415 - as above
    except ModuleNotFoundError as error:
        what = f"a key in a key manager needs {error.name}; install it with: pip install 'vimesh[castellan]'"
        raise BadSetting(SETTING, what) from error
    settings = cfg.ConfigOpts()
    try:
        settings([], project="castellan", default_config_files=[str(config)], default_config_dirs=[])
        options.set_defaults(settings, number_of_retries=_RETRIES)
        settings.set_default("timeout", _TIMEOUT_S, group="vault")
        settings.register_opts(utils.credential_opts, group=utils.OPT_GROUP)
        context = utils.credential_factory(settings) if settings.key_manager.auth_type else None
        return key_manager.API(settings), context
    except Exception as error:  # as above
        raise BadSetting(SETTING, f"{config} cannot be used: {_said(error)}") from error


def _said(error: Exception) -> str:
    return mask_text(str(error)) or type(error).__name__
