"""How filters are read, and how what cannot be read is refused."""

from __future__ import annotations

import contextlib

import pytest

from tests.support.timing.cpu_budget import cpu_budget
from vimesh.domain.errors import FilterInvalid
from vimesh.domain.filters.filter_terms import AllOf, AnyOf, FilterNode, Not, Operator, Term, quoted
from vimesh.domain.filters.parse_filter import MAX_DEPTH, MAX_LENGTH, MAX_PATTERNS, MAX_TERMS, parse_filter
from vimesh.domain.filters.vim_filter import Filter

_A, _B, _C, _D = (Term("name", Operator.EQUALS, letter) for letter in "abcd")


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("status = UNREACHABLE", (Term("status", Operator.EQUALS, "UNREACHABLE"),)),
        (
            'type!=kubernetes AND name = "lab \\"one\\" *"',
            (Term("type", Operator.DIFFERS, "kubernetes"), Term("name", Operator.EQUALS, 'lab "one" *')),
        ),
        # A value of earlier versions ends with white space, a quote, = or !.
        ("name = lab(1) AND auth_url=http://[::1]:5000/v3<>", ("lab(1)", "http://[::1]:5000/v3<>")),
        ("name = a) AND name = (b AND name != -c", ("a)", "(b", "-c")),
        ("name = AND AND name = NOT", ("AND", "NOT")),
        ("name = it's AND id = 0A0B", ("it's", "0a0b")),
    ],
)
def test_a_filter_of_earlier_versions_keeps_its_meaning(text: str, terms: tuple[Term | str, ...]) -> None:
    read = parse_filter(text).token_key

    assert isinstance(read, tuple)
    assert [term if isinstance(expected, Term) else term.value for term, expected in zip(read, terms, strict=True)] == [
        *terms
    ]


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("", AllOf(())),
        ("  ", AllOf(())),
        ("name = a AND name = b", AllOf((_A, _B))),
        ("name = a OR name = b", AnyOf((_A, _B))),
        # OR binds more tightly than AND.
        ("name = a AND name = b OR name = c", AllOf((_A, AnyOf((_B, _C))))),
        ("name = a OR name = b AND name = c", AllOf((AnyOf((_A, _B)), _C))),
        ("(name = a AND name = b) OR name = c", AnyOf((AllOf((_A, _B)), _C))),
        ("NOT name = a AND -name = b", AllOf((Not(_A), Not(_B)))),
        ("NOT(name = a OR (name=b))", Not(AnyOf((_A, _B)))),
        ("-(name = a)", Not(_A)),
        ("((name = a))", _A),
        ("(name = a) AND (name = b OR name=(c))", AllOf((_A, AnyOf((_B, Term("name", Operator.EQUALS, "(c)")))))),
        ('(name="a)")', Term("name", Operator.EQUALS, "a)")),
        ("name:lab", Term("name", Operator.HAS, "lab")),
        ("reason : *", Term("reason", Operator.HAS, "*")),
        ("labels.region = eu*", Term("labels.region", Operator.EQUALS, "eu*")),
        ("(labels.example.com/team:a)", Term("labels.example.com/team", Operator.HAS, "a")),
        ("(labels:example.com/team)", Term("labels.example.com/team", Operator.HAS, "*")),
        ("status_time>=1970-01-02", Term("status_time", Operator.AT_LEAST, "86400000000")),
        ("create_time<1970-01-01T01:00:00.000001+01:00", Term("create_time", Operator.BELOW, "1")),
        ('update_time = "1969-12-31T23:59:59.9999999Z"', Term("update_time", Operator.EQUALS, "-1")),
    ],
)
def test_a_filter_is_read(text: str, root: FilterNode) -> None:
    assert parse_filter(text) == Filter(root)


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("status", 6, "an operator should be where the end is"),
        ("status =", 8, "a value should be where the end is"),
        ("= UNREACHABLE", 0, "a field should be where '= UNREACHABLE' is"),
        ("status = UP", 9, "status must be one of PENDING, REACHABLE, UNREACHABLE, UNKNOWN, not 'UP'"),
        ("type = vmware", 7, "type must be one of openstack, kubernetes"),
        ("is_default = yes", 13, "is_default must be one of true, false"),
        ("name = a AND colour = red", 13, "'colour' cannot be filtered by; use one of id, name, "),
        ("status = UNREACHABLE AND", 24, "a field should be where the end is"),
        ("status = UNREACHABLE name = a", 21, "terms are joined by AND or OR, not by 'name = a'"),
        ("name = a and name = b", 9, "terms are joined by AND or OR, not by 'and name = b'"),
        ("name = a=b", 8, "terms are joined by AND or OR, not by '=b'"),
        ("name = a!", 8, "terms are joined by AND or OR, not by '!'"),
        ('name = "open', 7, "the quote is never closed"),
        ('"name" = a', 0, "a field should be where"),
        ("AND", 0, "'AND' cannot be filtered by"),
        ("NOT NOT name = a", 4, "'NOT' cannot be filtered by"),
        ("(name = a", 9, "the parenthesis at character 1 is not closed before the end"),
        ("(name = a))", 10, "terms are joined by AND or OR, not by ')'"),
        ("()", 1, "a field should be where ')' is"),
        ("(name = )", 8, "a value should be where ')' is"),
        ("labels = eu", 7, "write it as labels.region = eu, or labels:region"),
        ("labels:-", 7, "the key of a label should be here"),
        ("labels:", 7, "the key of a label should be here"),
        ("labels. = eu", 0, "'labels.' cannot be filtered by"),
        ("labels.region > eu", 14, "labels.region is compared by =, !=, :, not >"),
        ("id : x", 3, "id is compared by =, !=, not :"),
        ("name < x", 5, "name is compared by =, !=, :, not <"),
        ("create_time : 2026-01-01", 12, "create_time is compared by =, !=, <, <=, >, >=, not :"),
        ("create_time > yesterday", 14, "create_time must be a time such as 2026-10-01T08:00:00Z"),
        ("create_time > 2026-02-30", 14, "create_time must be a time"),
        ("create_time > 2026-02-03T10:00:00", 14, "create_time must be a time"),
        ("create_time > 2026-W01-1", 14, "create_time must be a time"),
        ("name = a\0", 8, "must not contain NUL"),
        (" AND ".join(["name = a"] * (MAX_TERMS + 1)), MAX_TERMS * 13, f"more than {MAX_TERMS} terms"),
        (" OR ".join(["name:a"] * (MAX_PATTERNS + 1)), MAX_PATTERNS * 10 + 5, f"more than {MAX_PATTERNS} terms with"),
        (f"{'(' * (MAX_DEPTH + 1)}name = a", MAX_DEPTH, f"nested more than {MAX_DEPTH} deep"),
    ],
)
def test_a_filter_that_cannot_be_read_says_where(text: str, position: int, says: str) -> None:
    with pytest.raises(FilterInvalid) as refused:
        parse_filter(text)

    assert refused.value.position == position
    assert refused.value.metadata == {"position": str(position)}
    assert str(refused.value).startswith(f"filter: character {position + 1}: ")
    assert says in str(refused.value)


@pytest.mark.parametrize("text", [f"{'a' * 4000} = x", f'status = "{"a" * 4000}"', f"name = a {'b' * 4000}"])
def test_what_is_refused_is_quoted_in_part(text: str) -> None:
    with pytest.raises(FilterInvalid) as refused:
        parse_filter(text)

    assert len(str(refused.value)) < 350


def test_a_filter_that_is_too_long_is_not_read() -> None:
    text = f"project_id = {'a' * (MAX_LENGTH - 13)}"

    assert parse_filter(text)
    with pytest.raises(FilterInvalid, match="longer than 4096 characters") as refused:
        parse_filter(text + "a")
    assert refused.value.metadata == {}


@pytest.mark.parametrize("field", ["name", "auth_url", "labels.region"])
@pytest.mark.parametrize("value", ["*a" * 9, "*" + "a" * 128, "a" * 128 + "*"])
def test_a_pattern_that_takes_a_database_long_is_refused(field: str, value: str) -> None:
    with pytest.raises(FilterInvalid, match=f"a value of {field} with . may have at most 8 of them and 128 char"):
        parse_filter(f'{field} != "{value}"')
    with pytest.raises(FilterInvalid, match=f"a value of {field} with . may have at most 8 of them and 128 char"):
        parse_filter(f'{field} : "{"a" * 127}"')


def test_patterns_and_texts_up_to_their_bounds_are_read() -> None:
    for value in ("*a" * 8, "*" + "a" * 127, "a" * 2000):
        assert parse_filter(f"name = {value}").root == Term("name", Operator.EQUALS, value)
    assert parse_filter(f"project_id = {'*' * 200}").root == Term("project_id", Operator.EQUALS, "*" * 200)
    assert parse_filter(f"name:{'a' * 126}").root == Term("name", Operator.HAS, "a" * 126)


@pytest.mark.parametrize("value", ["", "a b", 'a"b', "a\\b", "\\", "a)b", "\n"])
def test_a_quoted_value_is_read_as_it_was(value: str) -> None:
    assert parse_filter(f"(name = {quoted(value)})").root == Term("name", Operator.EQUALS, value)


def test_the_longest_filters_are_read_or_refused_at_once() -> None:
    term = 'name = "*a*a"'
    texts = (
        " AND ".join([term] * 200),
        "=" * 4096,
        '"' * 4095,
        "name = " * 500,
        "\\" * 4096,
        'name = "' + "\\" * 4000 + '"',
        "(" * 4096,
        "-" * 4096,
        "NOT " * 1000,
        f"(name = {'(' * 2000}{')' * 2000}",
        f"(name = a{')' * 4000}",
    )

    for attempt in cpu_budget(0.1):
        with attempt:
            for text in texts:
                with contextlib.suppress(FilterInvalid):
                    parse_filter(text)
