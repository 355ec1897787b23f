from __future__ import annotations

import pytest

from tests.support.probers.actions import action
from vimesh.domain.conditions.conditions import Condition, ConditionStatus
from vimesh.monitor.conditions.condition_book import MOST_CONDITIONS, ConditionBook
from vimesh.monitor.targets.target import Target

READY = Condition("ServiceReady", ConditionStatus.TRUE, "", "")
UNREADY = Condition("ServiceReady", ConditionStatus.FALSE, "NOT_READY", "")
LOGGED_IN = Condition("LoggedIn", ConditionStatus.TRUE, "", "")
FIRST, SECOND = ("vim", "action"), ("other", "action")


@pytest.fixture
def book() -> ConditionBook:
    return ConditionBook()


@pytest.fixture
def target(book: ConditionBook) -> Target:
    made = Target(action("http://192.0.2.1/"))
    book.add_action(FIRST, made)
    return made


def told(book: ConditionBook, most: int = 10) -> dict[tuple[str, str], tuple[Condition, ...]]:
    return {(news.vim_id, news.action_id): news.conditions for news in book.take(most)}


def test_only_changes_are_told_and_only_the_newest(book: ConditionBook, target: Target) -> None:
    book.note_of_target(target, READY)
    book.note_of_target(target, UNREADY)

    assert told(book) == {FIRST: (UNREADY,)}
    book.note_of_target(target, UNREADY)
    assert told(book) == {}


def test_actions_that_share_probes_are_told_the_same_also_one_that_comes_later(
    book: ConditionBook, target: Target
) -> None:
    book.note_of_target(target, READY)
    told(book)
    target.add(SECOND)
    book.add_action(SECOND, target)

    assert told(book) == {SECOND: (READY,)}
    book.note_of_target(target, UNREADY)
    assert told(book) == {FIRST: (UNREADY,), SECOND: (UNREADY,)}


def test_what_one_action_sees_alone_is_told_for_it_alone(book: ConditionBook, target: Target) -> None:
    target.add(SECOND)
    book.add_action(SECOND, target)
    book.note_of_target(target, READY)
    book.note(SECOND, LOGGED_IN)

    assert told(book) == {FIRST: (READY,), SECOND: (LOGGED_IN, READY)}


def test_what_could_not_be_told_is_told_in_its_newest_state(book: ConditionBook, target: Target) -> None:
    book.note_of_target(target, READY)
    news = book.take(10)
    book.note_of_target(target, UNREADY)
    book.put_back(news)

    assert told(book) == {FIRST: (UNREADY,)}


def test_nothing_is_told_of_an_action_that_does_not_run(book: ConditionBook, target: Target) -> None:
    book.note(("gone", "action"), LOGGED_IN)
    book.note_of_target(target, READY)
    news = book.take(10)
    book.remove_action(FIRST)
    book.put_back(news)
    book.note_of_target(target, UNREADY)

    assert told(book) == {}
    assert len(book) == 0


def test_those_that_have_waited_longest_go_first(book: ConditionBook) -> None:
    for name in "abc":
        each = Target(action("http://192.0.2.1/", vim_id=name))
        book.add_action(each.owner, each)
        book.note_of_target(each, READY)

    assert list(told(book, 2)) == [("a", "action"), ("b", "action")]
    assert list(told(book, 2)) == [("c", "action")]


@pytest.mark.usefixtures("target")
def test_conditions_are_bounded(book: ConditionBook) -> None:
    for number in range(3 * MOST_CONDITIONS):
        book.note(FIRST, Condition(f"Endpoint/{number}", ConditionStatus.TRUE, "", ""))

    assert len(told(book)[FIRST]) == MOST_CONDITIONS


def test_services_that_left_the_catalogue_are_forgotten(book: ConditionBook, target: Target) -> None:
    compute, image = (Condition(f"Endpoint/{each}", ConditionStatus.TRUE, "", "") for each in ("compute", "image"))
    book.note_of_target(target, READY)
    book.note_catalogue(FIRST, ["image", "compute"])
    book.note(FIRST, compute)
    book.note(FIRST, image)
    (news,) = book.take(10)
    assert news.catalogue == ("compute", "image")
    assert news.conditions == (compute, image, READY)

    book.note_catalogue(FIRST, ["image"])

    (news,) = book.take(10)
    assert (news.catalogue, news.conditions) == (("image",), ())
    book.put_back([news])
    assert book.take(10) == [news]
