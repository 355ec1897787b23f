"""Makes odd texts from good JSON: values of the wrong type, duplicate keys, invalid numbers and characters."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

from tests.fuzz.mutations import mutated

MOST_BYTES = 6 * 1024 * 1024
"""More than any door accepts."""
_COMMON_BYTES = 64 * 1024
_MOST_CHANGES = 3
_BYTES_SHARE, _HUGE_SHARE = 0.2, 0.01
_DEPTHS = (2, 15, 16, 17, 31, 33, 100, 1000, 20_000)
_WIDTHS = (2, 17, 100, 1000, 20_000)
_HUGE = (400_000, 520_000, 4_000_000, 5_500_000)


class Raw(str):
    """Text that is written as it is."""

    __slots__ = ()


class Pairs(list[tuple[str, Any]]):
    """An object as its pairs: a key may occur twice."""

    __slots__ = ()


_SCALARS: Sequence[Any] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1.5,
        2**31,
        2**53 + 1,
        2**63,
        2**64,
        10**30,
        "",
        " ",
        "a" * 256,
        "a" * 5000,
        "a" * 70_000,
    ),
    *(
        "openstack",
        "EXTERNAL",
        "1s",
        "-1s",
        "1e5s",
        "0.0000000001s",
        "315576000001s",
        "9" * 400 + "s",
        "*",
        "a,b,c",
        "***",
    ),
    *(
        "\0",
        "\x1b[2J",
        "\u202e",
        "\ufeff",
        "\U0001f600" * 100,
        "http://127.0.0.1:1/",
        "http://[::1",
        "2026-01-01T00:00:00Z",
    ),
    *(
        map(
            Raw,
            ("NaN", "Infinity", "-Infinity", "-0", "0123", "1e400", "-1e400", "1e-400", "0x10", "1_000", ".5", "5."),
        )
    ),
    *(
        map(
            Raw,
            ('"\\ud800"', '"\\udc00\\ud800"', '"\\u0000"', '"\\x41"', '"\n"', "'a'", "undefined", "nul", "", ",", '"'),
        )
    ),
    Raw("9" * 400),
    Raw("9" * 5000),
    Raw("1." + "3" * 5000),
)
_KEYS = (
    "",
    "a",
    "vim",
    "id",
    "name",
    "extra",
    "__proto__",
    "@type",
    "value",
    "\0",
    "\ud800",
    "a" * 1000,
    "Name",
    "auth_cred",
)


def odd_json(random: Random, good: Any) -> bytes:  # noqa: ANN401 - what JSON holds
    """Return a text that is close to the good one."""
    value = _paired(good)
    for _ in range(random.randint(1, _MOST_CHANGES)):
        value = random.choice(_CHANGES)(random, value)
    if random.random() < _HUGE_SHARE:
        value = _grown(random, value)
    text = write(value).encode("utf-8", "surrogatepass")
    if random.random() < _BYTES_SHARE:
        text = mutated(
            random, text[:_COMMON_BYTES], [b'{"vim": {"extra": {"a": [1, {}]}}}', b'"\\ud83d\\ude00"'], _COMMON_BYTES
        )
    return text[:MOST_BYTES]


def write(value: Any) -> str:  # noqa: ANN401 - what JSON holds, and more
    match value:
        case Raw():
            return value
        case Pairs():
            return "{" + ", ".join(f"{json.dumps(key)}: {write(inner)}" for key, inner in value) + "}"
        case list():
            return "[" + ", ".join(map(write, value)) + "]"
        case _:
            return json.dumps(value, ensure_ascii=False)


def _paired(value: Any) -> Any:  # noqa: ANN401 - what JSON holds
    if isinstance(value, dict):
        return Pairs((key, _paired(inner)) for key, inner in value.items())
    return [_paired(inner) for inner in value] if isinstance(value, list) else value


def _objects(value: Any) -> Iterator[Pairs]:  # noqa: ANN401 - what JSON holds
    if isinstance(value, Pairs):
        yield value
    for inner in [each[1] for each in value] if isinstance(value, Pairs) else value if isinstance(value, list) else ():
        yield from _objects(inner)


def _odd(random: Random) -> Any:  # noqa: ANN401 - what JSON holds, and more
    if random.random() < 0.7:
        return random.choice(_SCALARS)
    return random.choice((_deep, _wide))(random)


def _deep(random: Random) -> Raw:
    begin, middle, end = random.choice((("[", "", "]"), ('{"a":', "1", "}"), ('[{"a":', "[]", "}]"), ("[", "", "")))
    depth = random.choice(_DEPTHS)
    return Raw(begin * depth + middle + end * depth)


def _wide(random: Random, widths: Sequence[int] = _WIDTHS) -> Raw:
    width = random.choice(widths)
    return Raw(
        random.choice(
            (
                lambda: "[" + ",".join([random.choice(("null", "{}", "[]", "0", '""'))] * width) + "]",
                lambda: "{" + ",".join(f'"{number}":null' for number in range(width)) + "}",
                lambda: "{" + ",".join(['"a":{}'] * width) + "}",
                lambda: " " * width + "1",
                lambda: '"' + "\\u00e9" * width + '"',
                lambda: '"' + "a" * width + '"',
            )
        )()
    )


def _change_value(random: Random, value: Any) -> Any:  # noqa: ANN401 - what JSON holds
    objects = [each for each in _objects(value) if each]
    if not objects:
        return _odd(random)
    chosen = random.choice(objects)
    place = random.randrange(len(chosen))
    chosen[place] = (chosen[place][0], _odd(random))
    return value


def _add_key(random: Random, value: Any) -> Any:  # noqa: ANN401 - what JSON holds
    for chosen in random.sample(list(_objects(value)), 1) if any(True for _ in _objects(value)) else ():
        chosen.append((random.choice(_KEYS), _odd(random)))
    return value


def _repeat_key(random: Random, value: Any) -> Any:  # noqa: ANN401 - what JSON holds
    objects = [each for each in _objects(value) if each]
    if objects:
        chosen = random.choice(objects)
        chosen.extend([random.choice(chosen)] * random.choice((1, 2, 1000)))
    return value


def _remove_key(random: Random, value: Any) -> Any:  # noqa: ANN401 - what JSON holds
    objects = [each for each in _objects(value) if each]
    if objects:
        chosen = random.choice(objects)
        chosen.pop(random.randrange(len(chosen)))
    return value


def _wrap(random: Random, value: Any) -> Any:  # noqa: ANN401 - what JSON holds
    return random.choice(([value], Pairs([("vim", value)]), [value, value], Pairs([("request", value)])))


def _replace(random: Random, _: Any) -> Any:  # noqa: ANN401 - what JSON holds
    return _odd(random)


def _grown(random: Random, value: Any) -> Any:  # noqa: ANN401 - what JSON holds
    """Put a huge value into a VIM's free-form fields, or in place of everything."""
    huge = _wide(random, [size // random.choice((1, 5, 9)) for size in _HUGE])
    objects = list(_objects(value))
    if not objects or random.random() < 0.3:
        return huge
    random.choice(objects).append((random.choice(("extra", "a", "name")), huge))
    return value


_CHANGES: Sequence[Callable[[Random, Any], Any]] = (
    *(_change_value, _change_value, _change_value, _change_value, _add_key, _add_key, _repeat_key, _remove_key),
    *(_wrap, _replace),
)
