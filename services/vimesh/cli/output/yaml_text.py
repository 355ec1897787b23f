"""Writes documents as YAML that is safe to print on a terminal."""

from __future__ import annotations

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


def dump(content: object) -> str:
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
