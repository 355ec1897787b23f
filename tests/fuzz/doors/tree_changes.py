"""Makes odd messages from good ones: changes their fields, how these are written, and finally their bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from google.protobuf.descriptor import FieldDescriptor

from tests.fuzz.doors.odd_values import odd_field
from tests.fuzz.doors.wire import GROUP, RAW, SIZED, Field, Tree, sized, varint
from tests.fuzz.mutations import mutated

MOST_BYTES = 4 * 1024 * 1024 - 64
"""gRPC's limit, minus some bytes for the framing of a message."""
_COMMON_BYTES = 128 * 1024
_MOST_CHANGES = 4
_HUGE_SHARE, _BYTES_SHARE = 0.004, 0.2
_COUNTS = (2, 3, 17, 100, 501, 1001, 5000)
_UNKNOWN_NUMBERS = (0, 13, 99, 1000, 19_000, 2**29 - 1)
_DEPTHS = (1, 10, 99, 101, 1000, 5000)

Change = Callable[[Random, Tree], None]


def odd_message(random: Random, tree: Tree, others: Sequence[bytes]) -> bytes:
    """Return the bytes of the tree after some changes, which it keeps; `others` are trees to splice in."""
    for _ in range(random.randint(1, _MOST_CHANGES)):
        random.choice(_CHANGES)(random, random.choice(list(tree.trees())))
    if random.random() < _HUGE_SHARE:
        _grow(random, tree)
    data = tree.encoded()
    if random.random() < _BYTES_SHARE:
        data = mutated(random, data[:_COMMON_BYTES], others, _COMMON_BYTES)
    return data[:MOST_BYTES]


def _field_in(random: Random, tree: Tree) -> FieldDescriptor | None:
    fields = list(tree.descriptor.fields)
    return random.choice(fields) if fields else None


def _set(random: Random, tree: Tree) -> None:
    """Give a field an odd value in place of its own."""
    field = _field_in(random, tree)
    if field is not None:
        tree.fields = [each for each in tree.fields if each.number != field.number or field.is_repeated]
        tree.fields.append(odd_field(random, field))


def _set_again(random: Random, tree: Tree) -> None:
    """Give a field one more value: of a singular field the last one counts, and messages are merged."""
    field = _field_in(random, tree)
    if field is not None:
        tree.fields.insert(random.randint(0, len(tree.fields)), odd_field(random, field))


def _remove(random: Random, tree: Tree) -> None:
    if tree.fields:
        tree.fields.remove(random.choice(tree.fields))


def _repeat(random: Random, tree: Tree) -> None:
    if tree.fields:
        field = random.choice(tree.fields)
        encoded = Tree(tree.descriptor, [field]).encoded()
        count = min(random.choice(_COUNTS), _COMMON_BYTES // (len(encoded) or 1) + 1)
        tree.fields.append(Field(field.number, RAW, encoded * count))


def _fill(random: Random, tree: Tree) -> None:
    """Add many empty messages, texts or zeros: a field of two bytes may cost far more than that."""
    field = _field_in(random, tree)
    if field is not None:
        tree.fields.append(
            Field(field.number, RAW, (varint(field.number << 3 | SIZED) + b"\0") * random.choice(_COUNTS))
        )


def _shuffle(random: Random, tree: Tree) -> None:
    random.shuffle(tree.fields)


def _change_wire_type(random: Random, tree: Tree) -> None:
    if tree.fields:
        random.choice(tree.fields).wire_type = random.randrange(8)


def _change_number(random: Random, tree: Tree) -> None:
    if tree.fields:
        random.choice(tree.fields).number = random.choice((*range(1, 34), *_UNKNOWN_NUMBERS))


def _add_unknown(random: Random, tree: Tree) -> None:
    content = random.randbytes(random.choice((0, 1, 8, 100, 10_000)))
    tree.fields.append(Field(random.choice(_UNKNOWN_NUMBERS), random.randrange(8), content))


def _add_groups(random: Random, tree: Tree) -> None:
    """Nest groups, not all of which may end."""
    opening, closing = varint(15 << 3 | GROUP), varint(15 << 3 | GROUP + 1)
    depth = random.choice(_DEPTHS)
    content = opening * depth + closing * (depth - random.choice((0, 0, 1, -1)))
    tree.fields.append(Field(15, GROUP, content))


def _misstate_length(random: Random, tree: Tree) -> None:
    """State a length other than that of the content."""
    if tree.fields:
        field = random.choice(tree.fields)
        content = Tree(tree.descriptor, [field]).encoded()
        length = random.choice((0, len(content) - 1, len(content) + 1, 2**31, 2**63))
        tree.fields.append(Field(field.number, SIZED, b""))
        tree.fields[-1] = Field(field.number, field.wire_type, varint(length) + content)


def _wrap(random: Random, tree: Tree) -> None:
    """Put a field into itself, again and again."""
    if tree.fields:
        field = random.choice(tree.fields)
        content = field.value.encoded() if isinstance(field.value, Tree) else b"\x08\x01"
        for _ in range(random.choice(_DEPTHS[:-1])):
            content = varint(field.number << 3 | SIZED) + sized(content)
        tree.fields.append(Field(field.number, SIZED, content))


def _grow(random: Random, tree: Tree) -> None:
    """Fill a message up to the limit, with one long value or very many short ones."""
    field = _field_in(random, tree)
    if field is None:
        return
    room = random.choice((MOST_BYTES // 16, MOST_BYTES // 2, MOST_BYTES - len(tree.encoded()) - 16))
    if random.random() < 0.4:
        tree.fields.append(Field(field.number, SIZED, random.choice((b"a", b"\0", b"\x0a\0", b"[")) * room))
        return
    one = Tree(tree.descriptor, [random.choice((Field(field.number, SIZED, b""), odd_field(random, field)))])
    encoded = one.encoded()
    tree.fields.append(Field(field.number, RAW, encoded * max(1, room // (len(encoded) or 1))))


_CHANGES: Sequence[Change] = (
    *(_set, _set, _set, _set_again, _remove, _repeat, _fill, _shuffle),
    *(_change_wire_type, _change_number, _add_unknown, _add_groups, _misstate_length, _wrap),
)
