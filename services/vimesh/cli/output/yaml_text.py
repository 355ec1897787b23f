"""Writes documents as YAML that is safe to print on a terminal."""

from __future__ import annotations

from typing import Any

import yaml
from yaml.emitter import ScalarAnalysis

from vimesh.cli.base.terminal import obeyed


class _Dumper(yaml.SafeDumper):
    """Escapes what a terminal would obey. PyYAML itself escapes only what YAML considers unprintable."""

    def analyze_scalar(self, scalar: str) -> ScalarAnalysis:
        found = super().analyze_scalar(scalar)
        if obeyed(scalar):
            # Only double-quoted scalars have escapes.
            found.allow_flow_plain = found.allow_block_plain = found.allow_single_quoted = found.allow_block = False
        return found

    def write_double_quoted(self, text: str, split: bool = True) -> None:
        unicode_allowed = self.allow_unicode
        self.allow_unicode = unicode_allowed and not obeyed(text)
        super().write_double_quoted(text, split)
        self.allow_unicode = unicode_allowed


_QuickDumper: Any = getattr(yaml, "CSafeDumper", None)
"""libyaml's, which not every installation has. It obeys no rule of ours."""


def dump(content: object, *, ascii_only: bool = False) -> str:
    if _QuickDumper is not None:
        text: str = yaml.dump(content, Dumper=_QuickDumper, sort_keys=False, allow_unicode=not ascii_only)
        if not obeyed(text):
            return text
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=not ascii_only)
