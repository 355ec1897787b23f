"""VIMs of every kind, and filters at random over what they have."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence

from tests.support.sql.maintenance import new_window
from tests.support.sql.stores import elapse, record, registration, report
from vimesh.domain.conditions.conditions import Certificate, Condition, ConditionStatus
from vimesh.domain.filters.condition_terms import CONDITION_PREFIX
from vimesh.domain.filters.filter_fields import FIELDS, LABEL_PREFIX, OPERATORS, FieldKind, field_of
from vimesh.domain.filters.filter_terms import Operator, quoted
from vimesh.domain.probing import Depth, ProbePolicy
from vimesh.domain.vim_conditions.condition_reports import ConditionReport
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import AppliedFields, Engine, Modification, Status, Vim

_NAMES = (
    "lab",
    "LAB",
    "lab_1",
    "labX1",
    "lab[1]",
    "lab?",
    "l%b",
    "ö*",
    'a "b"',
    "a\\b",
    "(a)",
    "a ",
    " a",
    "it's",
    "a|b",
)
_REASONS = ("", "TIMEOUT", "REFUSED", "LOCAL_DENIED", "HTTP_500")
_LABELS: tuple[dict[str, str], ...] = (
    {},
    {"region": "eu"},
    {"region": "EU", "example.com/team": "a.b_c-d"},
    {"region": "us", "empty": ""},
    {"region": "", "empty": "eu"},
    {"example.com/team": "eu"},
    {"region": "eu-1"},
)
_CONDITIONS = ("ServiceReady", "CertificateValid", "LoggedIn", "Endpoint/compute")
_TYPES = (*_CONDITIONS, "Reachable", "Endpoint/none")
_ISSUERS = ("CN=An issuer,O=Example", "CN=an issuer,O=Example", "O=l%b", "")
_APPLY_SETS = ("", "ops", "Ops", "ops-2")
_COUNTED = tuple(name for name in FIELDS if name != "flapping")
"""Fields that any filter may compare."""
_KEYS = ("region", "example.com/team", "empty", "Region")
_BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:/*")
_WHOLE_LEASE_S = 1000
_LONGER_THAN_ANY_TEST_S = 1e6


async def register_varied_vims(store: VimStore) -> None:
    """Register VIMs of every status, reason and kind: also silent ones, of which some are on record as such."""
    vims = [
        await store.register(
            registration(
                name=f"{name}{turn or ''}",
                type="openstack" if turn % 2 else "kubernetes",
                auth_url=f"http://10.0.{turn}.{number}:5000/{name[0]}",
                project_id=("a", "b", "A")[(turn + number) % 3],
                is_default=number < 3 and not turn,
                engine=list(Engine)[number % 3],
                policy=ProbePolicy(depth=Depth.LOGIN) if number % 2 else ProbePolicy(),
                labels=_LABELS[(turn * 3 + number) % len(_LABELS)],
                applied=AppliedFields(apply_set, frozenset()) if (apply_set := _APPLY_SETS[number % 4]) else None,
            )
        )
        for turn in range(4)
        for number, name in enumerate(_NAMES)
    ]
    reported = [vim for number, vim in enumerate(vims) if number % 5]
    silent, fresh = reported[: len(reported) // 2], reported[len(reported) // 2 :]
    for group in (silent, fresh):
        await record(
            store,
            [
                report(vim, list(Status)[1:][number % 3], 1, reason=_REASONS[number % 5], age_s=number * 3.5)
                for number, vim in enumerate(group)
            ],
            contact_within_s=30.0 if group is silent else _LONGER_THAN_ANY_TEST_S,
        )
        if group is silent:
            await elapse(store, _WHOLE_LEASE_S)
            await store.record_lapses(len(silent) // 2)
    await _see_conditions(store, vims)
    await store.maintenance.create(new_window('name = "lab*"'))
    for vim in vims[::7]:
        await store.modify(vim.id, Modification(description="changed"))


async def _see_conditions(store: VimStore, vims: Sequence[Vim]) -> None:
    """Report conditions of most VIMs, and certificates of some, of which some have ended."""
    now, states = await store.clock(), list(ConditionStatus)
    reports = []
    for number, vim in enumerate(vims):
        conditions = [
            Condition(type_, states[(number + place) % 3], "", "")
            for place, type_ in enumerate(_CONDITIONS)
            if (number + place) % 4
        ]
        certificate = random_certificate(number, now) if number % 3 else None
        if number % 6:
            reports.append(ConditionReport(vim.id, vim.monitor.action_id, tuple(conditions), certificate))
    await store.conditions.record(reports)


def random_certificate(number: int, now: dt.datetime) -> Certificate:
    ends = now + dt.timedelta(days=(-3, 400, 3)[number % 3], seconds=number)
    issuer = _ISSUERS[number % len(_ISSUERS)]
    return Certificate("", issuer, (), now - dt.timedelta(days=9), ends, "", (), None, "")


def random_filter(chance: random.Random, vims: Sequence[Vim], depth: int = 3) -> str:
    """Return a filter that can be read. Its values are near those of the VIMs."""
    kind = chance.randrange(6) if depth else 0
    if kind < 2:
        return _term(chance, chance.choice(vims))
    if kind == 2:
        negation = chance.choice(("NOT ", "-", "NOT", "- "))
        operand = _operand(chance, vims, depth)
        return f"{negation} {operand}" if operand[0] != "(" else f"{negation}{operand}"
    word = chance.choice((" AND ", " OR "))
    return word.join(_operand(chance, vims, depth) for _ in range(chance.randint(2, 3)))


def _operand(chance: random.Random, vims: Sequence[Vim], depth: int) -> str:
    inner = random_filter(chance, vims, depth - 1)
    is_term = inner.count(" ") <= 2 and not inner.startswith(("-", "NOT", "(")) and '"' not in inner
    return inner if is_term and chance.random() < 0.5 else f"({inner})"


def _term(chance: random.Random, vim: Vim) -> str:
    field = chance.choice([*_COUNTED, *(LABEL_PREFIX + key for key in _KEYS), *map(_field_of_condition, _TYPES)])
    known = field_of(field)
    assert known is not None
    operator = chance.choice(OPERATORS[known.kind])
    space = chance.choice(("", " "))
    value = _value(chance, vim, field, operator)
    if field.startswith(LABEL_PREFIX) and value == "*" and chance.random() < 0.5:
        return f"labels{space}:{space}{field.removeprefix(LABEL_PREFIX)}"
    if field.startswith(CONDITION_PREFIX) and chance.random() < 0.5:
        field = CONDITION_PREFIX + quoted(field.removeprefix(CONDITION_PREFIX))
    bare = value and _BARE.issuperset(value) and chance.random() < 0.5
    return f"{field}{space}{operator}{space}{value if bare else quoted(value)}"


def _value(chance: random.Random, vim: Vim, field: str, operator: Operator) -> str:
    if field.startswith(LABEL_PREFIX):
        return _pattern(chance, vim.labels.get(field.removeprefix(LABEL_PREFIX), "eu"), operator)
    known = field_of(field)
    assert known is not None
    if known.words:
        return str(chance.choice(known.words))
    if known.kind is FieldKind.TIME:
        of_certificate = vim.certificate.not_after if vim.certificate else vim.create_time
        time = of_certificate if field == "certificate.not_after" else getattr(vim, field)
        near = time + dt.timedelta(microseconds=chance.choice((0, 0, -1, 1, 1_000_000)))
        return str(near.astimezone(dt.timezone(dt.timedelta(hours=chance.randint(-9, 9)))).isoformat())
    if field == "certificate.issuer":
        text = vim.certificate.issuer if vim.certificate else _ISSUERS[0]
    else:
        text = _set_of(vim) if field == "apply_set" else str(getattr(vim, field))
    if known.kind is FieldKind.PATTERN:
        return _pattern(chance, text, operator)
    return chance.choice((text, text, text.upper(), text + " ", "*", ""))


def _field_of_condition(type_: str) -> str:
    return CONDITION_PREFIX + type_


def _set_of(vim: Vim) -> str:
    return vim.applied.apply_set if vim.applied else ""


def _pattern(chance: random.Random, text: str, operator: Operator) -> str:
    """Return a part of the text, with some of it replaced by `*`."""
    if operator is Operator.HAS:
        begin = chance.randint(0, len(text))
        text = text[begin : chance.randint(begin, len(text))]
        return chance.choice((text, text, "*"))
    for _ in range(chance.randint(0, 3)):
        begin = chance.randint(0, len(text))
        text = text[:begin] + "*" + text[chance.randint(begin, len(text)) :]
    return chance.choice((text, text, text, text.swapcase(), text + " "))
