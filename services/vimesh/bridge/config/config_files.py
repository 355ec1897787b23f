"""Reads configuration files of OpenStack's services as these do: with oslo.config and oslo.messaging's own options.

Importing these libraries takes about 0.6 s of CPU and 27 MiB, so it happens only when there is a file.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from vimesh.bridge.config.rabbit_options import GROUP, RabbitOptions
from vimesh.bridge.config.transport_url import TransportUrl, transport_url
from vimesh.domain.errors import BadSetting

SETTING = "--config-file"
_OLDER_NAMES = {
    "amqp_durable_queues": "rabbit_durable_queues",
    "ssl": "rabbit_use_ssl",
    "ssl_version": "kombu_ssl_version",
    "ssl_ca_file": "kombu_ssl_ca_certs",
    "ssl_cert_file": "kombu_ssl_certfile",
    "ssl_key_file": "kombu_ssl_keyfile",
}
"""The names of options in files of old deployments. oslo.messaging itself no longer knows these names."""


@dataclass(frozen=True, slots=True)
class ServiceConfiguration:
    transport: TransportUrl
    options: RabbitOptions
    rpc_response_timeout_s: float | None = None
    """None: not set in any file."""


def read_config_files(files: Sequence[Path]) -> ServiceConfiguration:
    """Read files; later ones override earlier ones. Raises BadSetting, which never repeats a transport URL."""
    shown = ",".join(map(str, files))
    for file in files:
        _check_readable(file)
    source = _Source(files, shown)
    url = source.read("transport_url", None)
    timeout_s = source.read_if_set("rpc_response_timeout", None)
    options = {
        each.name: source.read_if_set(each.name, GROUP) if each.default is None else source.read(each.name, GROUP)
        for each in fields(RabbitOptions)
    }
    try:
        return ServiceConfiguration(transport_url(url), RabbitOptions(**options), timeout_s)
    except ValueError as error:
        raise BadSetting(SETTING, f"{shown}: [DEFAULT] transport_url {error}") from None


def _check_readable(file: Path) -> None:
    # oslo.config treats a folder as an empty file.
    try:
        file.open("rb").close()
    except OSError as error:
        raise BadSetting(SETTING, f"{file} cannot be read: {error.strerror}") from None


class _Source:
    """The options that oslo.config has read from files. Raises BadSetting."""

    def __init__(self, files: Sequence[Path], shown: str) -> None:
        self._cfg, options = _libraries()
        self._shown = shown
        self._conf = self._cfg.ConfigOpts()
        for group, listed in options:
            if group in {None, GROUP}:
                self._conf.register_opts([self._with_older_name(option) for option in listed], group=group)
        try:
            self._conf([], default_config_files=list(map(str, files)), default_config_dirs=[])
        except self._cfg.ConfigFileParseError as error:
            # The error's text repeats the line, which may contain a password.
            line = getattr(error.__context__, "lineno", "?")
            what = f"{error.config_file}: line {line} is neither a [group] nor an option = value"
            raise BadSetting(SETTING, what) from None
        except self._cfg.Error as error:
            raise BadSetting(SETTING, f"{shown}: {error}") from None

    def _with_older_name(self, option: Any) -> Any:  # noqa: ANN401 - the library has no types
        if older := _OLDER_NAMES.get(option.name):
            option.deprecated_opts.append(self._cfg.DeprecatedOpt(older))
        return option

    def read(self, name: str, group: str | None) -> Any:  # noqa: ANN401 - as the option is declared
        """Return the value of an option in [DEFAULT] or in a group."""
        where = f"{self._shown}: [{group or 'DEFAULT'}] {name}"
        try:
            return self._conf[group][name] if group else self._conf[name]
        except self._cfg.NoSuchOptError:
            raise BadSetting(
                SETTING, f"{where} has a $ that does not begin the name of an option; write $$ for a $"
            ) from None
        except (self._cfg.Error, ValueError) as error:
            raise BadSetting(SETTING, f"{where}: {error}") from None

    def read_if_set(self, name: str, group: str | None) -> Any:  # noqa: ANN401 - see read
        """Return a value that is set in a file, or in a variable that oslo.config reads; else None."""
        value = self.read(name, group)
        place = self._conf.get_location(name, group)
        return value if place is not None and place.location.is_user_controlled else None


def _libraries() -> tuple[Any, Iterable[tuple[str | None, list[Any]]]]:
    """Import the two libraries. Raises BadSetting if they are missing."""
    try:
        with warnings.catch_warnings():
            # They emit deprecation warnings about themselves.
            warnings.simplefilter("ignore")
            from oslo_config import cfg  # noqa: PLC0415 - optional, and slow to import
            from oslo_messaging.opts import list_opts  # noqa: PLC0415 - optional, and slow to import
    except ImportError as error:
        what = f"needs packages that are not installed ({error.name}): pip install '.[cli,bridge]' in a checkout"
        raise BadSetting(SETTING, what) from None
    return cfg, list_opts()
