"""What is on record, and what is not yet."""

from __future__ import annotations

from dataclasses import replace

from tests.notifier.agenda.simulated_world import START, World, at, settings
from vimesh.domain.notifications.notices import Notice
from vimesh.domain.vims import Status
from vimesh.notifier.agenda.agenda_steps import Record
from vimesh.notifier.agenda.notice_book import NoticeBook

_NOTICE = Notice("1", "lab", "{}", Status.UNREACHABLE, "TIMEOUT", at(START), 5, at(START))


def test_what_changes_while_it_is_put_on_record_is_put_on_record_again() -> None:
    book = NoticeBook([])
    book.store(_NOTICE)
    recorded = book.unrecorded()
    book.store(replace(_NOTICE, revision=6))

    book.note_recorded(recorded, 5)

    assert [notice.revision for notice in book.unrecorded()] == [6]


def test_what_is_over_is_forgotten_once_the_revision_has_passed_it() -> None:
    book = NoticeBook([])
    book.store(replace(_NOTICE, status=None, resolved=True))
    recorded = book.unrecorded()

    book.note_recorded(recorded, 4)
    assert book.get("1") is not None
    book.note_recorded((), 5)

    assert book.get("1") is None


def test_revisions_that_the_log_does_not_have_are_lowered() -> None:
    book = NoticeBook([_NOTICE, replace(_NOTICE, vim_id="2", revision=2)])

    book.clamp(3)

    assert {notice.vim_id: notice.revision for notice in book} == {"1": 3, "2": 2}
    assert [notice.vim_id for notice in book.unrecorded()] == ["1"]


def test_a_change_that_is_left_out_while_something_is_recorded_is_recorded_next() -> None:
    world = World(settings())
    world.start_maintenance(1)
    world.dark(1)
    world.watch()
    world.now += 6.0
    world.step()
    step = world.agenda.next_step(world.now)
    assert isinstance(step, Record)
    world.well(1)
    world.watch()
    world.agenda.note_recorded(world.now)
    world.run(11.0)

    assert world.deliveries[-1].notices[0].revision == world.newest
