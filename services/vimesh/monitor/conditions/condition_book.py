"""Keeps the conditions and certificates of all targets, and which of them are news for their actions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from vimesh.domain.conditions.conditions import ENDPOINT_PREFIX, Certificate, Condition
from vimesh.monitor.targets.target import ActionKey, Target

_CERTIFICATE: Final = "certificate"
_CATALOGUE: Final = "catalogue"
# They stand for these among the types of conditions, which begin with a capital letter.
MOST_CONDITIONS: Final = 60
"""Of one action: further types are not taken, for the contract allows 64 with those of its target."""


@dataclass(slots=True)
class Facts:
    """What is known of a target, or of an action by itself."""

    conditions: dict[str, Condition] = field(default_factory=dict)
    """By their types."""
    certificate: Certificate | None = None
    catalogue: tuple[str, ...] = ()
    """The types of all services of the catalogue, once they are known."""


@dataclass(frozen=True, slots=True)
class ActionNews:
    """What the conductors are to be told of the VIM of an action."""

    vim_id: str
    action_id: str
    conditions: tuple[Condition, ...]
    certificate: Certificate | None
    catalogue: tuple[str, ...] = ()


class ConditionBook:
    """Keeps the newest state of actions that run, and nothing of others. Use it only in the loop.

    Probes that actions share are looked at once, and told for each of them. `note` is for what one action sees alone,
    such as whether its VIM lets it log in.
    """

    def __init__(self, on_news: Callable[[], object] = lambda: None) -> None:
        """`on_news`: is called whenever there is something to tell."""
        self.on_news = on_news
        self._of_targets: dict[Target, Facts] = {}
        self._of_actions: dict[ActionKey, Facts] = {}
        """Only of those that see something alone."""
        self._targets: dict[ActionKey, Target] = {}
        """By the actions that run."""
        self._news: dict[ActionKey, set[str]] = {}
        """The types of what is to be told, in the order in which it began to wait."""

    def __len__(self) -> int:
        """Return how many actions have news."""
        return len(self._news)

    @property
    def targets(self) -> int:
        """Return of how many targets something is known."""
        return len(self._of_targets)

    def add_action(self, action: ActionKey, target: Target) -> None:
        """Tell the news of an action from now on, beginning with what is known of its target."""
        self._targets[action] = target
        facts = self._of_targets.get(target)
        if facts is not None:
            self._mark(action, _types_of(facts))

    def remove_action(self, action: ActionKey) -> None:
        """Tell nothing more of an action."""
        self._targets.pop(action, None)
        self._of_actions.pop(action, None)
        self._news.pop(action, None)

    def forget(self, target: Target) -> None:
        """Forget a target that is no longer probed."""
        self._of_targets.pop(target, None)

    def note(self, action: ActionKey, condition: Condition) -> None:
        """Note what one action has seen of its VIM."""
        if action in self._targets and _put(self._of_actions.setdefault(action, Facts()), condition):
            self._mark(action, (condition.type,))

    def note_catalogue(self, action: ActionKey, services: Iterable[str]) -> None:
        """Note the types of all services that an action has found in the catalogue; others are forgotten."""
        if action not in self._targets:
            return
        facts = self._of_actions.setdefault(action, Facts())
        catalogue = tuple(sorted(set(services)))[:MOST_CONDITIONS]
        if catalogue == facts.catalogue:
            return
        facts.catalogue = catalogue
        kept = {ENDPOINT_PREFIX + each for each in catalogue}
        for gone in [each for each in facts.conditions if each.startswith(ENDPOINT_PREFIX) and each not in kept]:
            del facts.conditions[gone]
        self._mark(action, (_CATALOGUE,))

    def note_of_target(self, target: Target, condition: Condition) -> None:
        """Note what probes of a target have shown."""
        if _put(self._of_targets.setdefault(target, Facts()), condition):
            self._mark_all(target, condition.type)

    def note_certificate(self, target: Target, certificate: Certificate) -> None:
        """Note which certificate a target has shown."""
        facts = self._of_targets.setdefault(target, Facts())
        if facts.certificate != certificate:
            facts.certificate = certificate
            self._mark_all(target, _CERTIFICATE)

    def facts_of(self, target: Target) -> Facts:
        """Return what is known of a target."""
        return self._of_targets.get(target) or Facts()

    def take(self, most: int) -> list[ActionNews]:
        """Remove and return news of up to so many actions, those first that have waited longest."""
        taken: list[ActionNews] = []
        while self._news and len(taken) < most:
            action = next(iter(self._news))
            taken.append(self._news_of(action, self._news.pop(action)))
        return taken

    def put_back(self, news: Iterable[ActionNews]) -> None:
        """Tell again what could not be told, in its newest state."""
        for each in news:
            types = [condition.type for condition in each.conditions]
            types += [_CERTIFICATE] * (each.certificate is not None) + [_CATALOGUE] * bool(each.catalogue)
            self._mark((each.vim_id, each.action_id), types)

    def _news_of(self, action: ActionKey, types: set[str]) -> ActionNews:
        shared = self.facts_of(self._targets[action])
        own = self._of_actions.get(action)
        conditions = shared.conditions if own is None else {**shared.conditions, **own.conditions}
        changed = tuple(conditions[each] for each in sorted(types) if each in conditions)
        certificate = shared.certificate if _CERTIFICATE in types else None
        catalogue = own.catalogue if own is not None and _CATALOGUE in types else ()
        return ActionNews(*action, changed, certificate, catalogue)

    def _mark_all(self, target: Target, what: str) -> None:
        for action in target.actions():
            self._mark(action, (what,))

    def _mark(self, action: ActionKey, types: Iterable[str]) -> None:
        # Rounds that somebody asked for are of no action.
        if action in self._targets:
            self._news.setdefault(action, set()).update(types)
            self.on_news()


def _types_of(facts: Facts) -> list[str]:
    return [*facts.conditions, _CERTIFICATE] if facts.certificate is not None else list(facts.conditions)


def _put(facts: Facts, condition: Condition) -> bool:
    """Keep a condition; return whether it is another one than before."""
    known = facts.conditions.get(condition.type)
    if known == condition or (known is None and len(facts.conditions) >= MOST_CONDITIONS):
        return False
    facts.conditions[condition.type] = condition
    return True
