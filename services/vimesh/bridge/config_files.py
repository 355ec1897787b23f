"""Reads configuration files of OpenStack's services as these do: with oslo.config and oslo.messaging's own options.

Their import takes most of a second and 40 MiB, so it happens only when there is a file.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from vimesh.bridge.rabbit_options import GROUP, RabbitOptions
from vimesh.bridge.transport_url import TransportUrl, transport_url
from vimesh.domain.errors import BadSetting

SETTING = "--config-file"


@dataclass(frozen=True, slots=True)
class ServiceConfiguration:
    transport: TransportUrl
    options: RabbitOptions
    rpc_response_timeout_s: float | None = None
    """None: no file says it."""


def read_config_files(files: Sequence[Path]) -> ServiceConfiguration:
    """Read files of which later ones win. Raises BadSetting, which never repeats a transport URL."""
    shown = ",".join(map(str, files))
    for file in files:
        _check_readable(file)
    conf, error_type, given = _parsed(files, shown)
    try:
        values = {each.name: conf[GROUP][each.name] for each in fields(RabbitOptions)}
        url, timeout_s = conf.transport_url, conf.rpc_response_timeout if given("rpc_response_timeout", None) else None
    except error_type as error:
        raise BadSetting(SETTING, f"{shown}: {error}") from None
    for each in fields(RabbitOptions):
        if each.default is None and not given(each.name, GROUP):
            values[each.name] = None
    try:
        return ServiceConfiguration(transport_url(url), RabbitOptions(**values), timeout_s)
    except ValueError as error:
        raise BadSetting(SETTING, f"{shown}: [DEFAULT] transport_url {error}") from None


def _check_readable(file: Path) -> None:
    # oslo.config takes a folder for an empty file.
    try:
        file.open("rb").close()
    except OSError as error:
        raise BadSetting(SETTING, f"{file} cannot be read: {error.strerror}") from None


def _parsed(files: Sequence[Path], shown: str) -> tuple[Any, type[Exception], Any]:
    cfg, options = _libraries()
    conf = cfg.ConfigOpts()
    for group, listed in options:
        if group in {None, GROUP}:
            conf.register_opts(listed, group=group)
    try:
        conf([], default_config_files=list(map(str, files)), default_config_dirs=[])
    except cfg.Error as error:
        raise BadSetting(SETTING, f"{shown}: {error}") from None

    def given(name: str, group: str | None) -> bool:
        """Say whether a file, or the environment that oslo.config reads, too, has the option."""
        place = conf.get_location(name, group)
        return place is not None and place.location.is_user_controlled

    return conf, cfg.Error, given


def _libraries() -> tuple[Any, Iterable[tuple[str | None, list[Any]]]]:
    """Import them. Raises BadSetting where they are missing."""
    try:
        with warnings.catch_warnings():
            # They warn of their own past.
            warnings.simplefilter("ignore")
            from oslo_config import cfg  # noqa: PLC0415 - see above
            from oslo_messaging.opts import list_opts  # noqa: PLC0415 - see above
    except ImportError as error:
        what = f"needs packages that are not installed ({error.name}): pip install '.[cli,bridge]' in a checkout"
        raise BadSetting(SETTING, what) from None
    return cfg, list_opts()
