"""Defines a filter that was read: which VIMs match it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from vimesh.domain.filters.filter_terms import ALWAYS, AllOf, FilterNode, Term, terms_in
from vimesh.domain.filters.match_filter import matches
from vimesh.domain.vims import Vim


@dataclass(frozen=True)
class Filter:
    root: FilterNode = ALWAYS
    """By default, every VIM matches."""

    def matches(self, vim: Vim) -> bool:
        """Return whether a VIM, as it is shown, matches."""
        return matches(self.root, vim)

    @cached_property
    def fields(self) -> frozenset[str]:
        """The fields that are compared: of labels, each with its key."""
        return frozenset(term.field for term in terms_in(self.root))

    @property
    def token_key(self) -> object:
        """What identifies the filter in page tokens: for terms that are joined by AND, what earlier versions hash."""
        match self.root:
            case Term():
                return (self.root,)
            case AllOf(operands) if all(isinstance(operand, Term) for operand in operands):
                return operands
        return self.root

    def __bool__(self) -> bool:
        """Return whether anything is compared."""
        return self.root != ALWAYS


EVERY_VIM = Filter()
