"""Finds every regular expression of a package, and the ways in which each is applied."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MENTION = re.compile(r"\bre\b")
APPLYING = frozenset({"match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"})


class NotExamined(Exception):
    """An expression is written so that the code does not show what it is, or how it is applied."""


@dataclass(frozen=True, slots=True)
class Use:
    """An expression and one way in which it is applied."""

    place: str
    expression: re.Pattern[Any]
    method: str

    def __str__(self) -> str:
        return f"{self.place}-{self.method}"


def uses_in(root: Path, package: str) -> list[Use]:
    """Return the uses in all modules of a package below `root`. Raises NotExamined."""
    return [
        use
        for path in sorted((root / package).rglob("*.py"))
        for use in _uses(".".join(path.relative_to(root).with_suffix("").parts), path.read_text())
    ]


def _uses(name: str, source: str) -> Iterator[Use]:
    if not _MENTION.search(source):
        return
    nodes = _Nodes(name, source)
    nodes.refuse_other_names_of_re()
    for node in nodes.all:
        match node:
            case ast.Attribute(value=ast.Name(id="re"), attr="compile"):
                yield from _uses_of_compiled(nodes, node)
            case ast.Attribute(value=ast.Name(id="re"), attr=method) if method in APPLYING:
                yield _use_of_literal(nodes, node, method)


class _Nodes:
    """The syntax of one module, and the parent of each node."""

    def __init__(self, name: str, source: str) -> None:
        self.name = name
        self.tree = ast.parse(source)
        self.all = list(ast.walk(self.tree))
        self.parent = {child: node for node in self.all for child in ast.iter_child_nodes(node)}

    def place(self, node: ast.AST) -> str:
        return f"{self.name}:{getattr(node, 'lineno', 0)}"

    def refuse_other_names_of_re(self) -> None:
        for node in self.all:
            match node:
                case ast.ImportFrom(module="re"):
                    raise NotExamined(f"{self.place(node)} imports from re: import re itself")
                case ast.Import(names=names) if any(each.name == "re" and each.asname for each in names):
                    raise NotExamined(f"{self.place(node)} calls re by another name")

    def loads(self, variable: str) -> list[ast.AST]:
        return [n for n in self.all if isinstance(n, ast.Name) and n.id == variable and isinstance(n.ctx, ast.Load)]

    def methods_of(self, variable: str) -> set[str]:
        """Return the methods called on a variable, here or where it is passed to."""
        methods: set[str] = set()
        for load in self.loads(variable):
            parent = self.parent[load]
            if isinstance(parent, ast.Attribute):
                methods.add(parent.attr)
            elif isinstance(parent, ast.Call) and load in parent.args:
                methods |= self._methods_of_parameters()
            else:
                raise NotExamined(f"{self.place(load)}: how is {variable} applied?")
        return methods & APPLYING

    def _methods_of_parameters(self) -> set[str]:
        takers = {n.arg for n in self.all if isinstance(n, ast.arg) and "re.Pattern" in ast.unparse(n.annotation or n)}
        return {
            parent.attr
            for taker in takers
            for load in self.loads(taker)
            if isinstance(parent := self.parent[load], ast.Attribute)
        }


def _uses_of_compiled(nodes: _Nodes, compile_: ast.AST) -> Iterator[Use]:
    variable, bound = _variable_of(nodes, compile_)
    methods = {bound} if bound else nodes.methods_of(variable)
    if not methods:
        raise NotExamined(f"{nodes.place(compile_)}: {variable} is never applied")
    value = getattr(importlib.import_module(nodes.name), variable)
    for method in sorted(methods):
        yield Use(f"{nodes.name}.{variable}", value.__self__ if bound else value, method)


def _variable_of(nodes: _Nodes, compile_: ast.AST) -> tuple[str, str]:
    """Return the module variable an expression is assigned to, and the method if the variable is a bound method."""
    call = nodes.parent[compile_]
    parent, bound = nodes.parent[call], ""
    if isinstance(parent, ast.Attribute):
        bound = parent.attr
        parent = nodes.parent[parent]
    match parent:
        case ast.Assign(targets=[ast.Name(id=variable)]) if nodes.parent[parent] is nodes.tree:
            if variable.startswith("_"):
                return variable, bound
    raise NotExamined(f"{nodes.place(compile_)}: compile it once, for a private variable of the module")


def _use_of_literal(nodes: _Nodes, function: ast.AST, method: str) -> Use:
    call = nodes.parent[function]
    if isinstance(call, ast.Call) and not any(each.arg == "flags" for each in call.keywords):
        try:
            return Use(nodes.place(function), re.compile(ast.literal_eval(call.args[0])), method)
        except ValueError:
            pass
    raise NotExamined(f"{nodes.place(function)}: the expression is no literal: compile it for a variable")
