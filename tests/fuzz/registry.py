"""Finds the parsers by name. Each module is imported on demand, perhaps where it is instrumented."""

from __future__ import annotations

import importlib

from tests.fuzz.parser import Parser

NAMES = ("http", "icmp", "dns", "tls", "certificates", "fields", "services", "urls", "files", "workflow")


def load(name: str) -> Parser:
    parser = importlib.import_module(f"tests.fuzz.{name}_parser").PARSER
    assert isinstance(parser, Parser)
    return parser
