"""Which ping a datagram answers: without sockets, so that any bytes can be tried."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.probers.actions import action
from tests.support.probers.no_volleys import NoVolleys
from vimesh.domain.probing import Reason
from vimesh.monitor.net.icmp_packet import (
    ECHO_REPLY_V4,
    ECHO_REQUEST_V4,
    PACKET_BYTES,
    packet,
    parse_echo,
    strip_ip_header,
)
from vimesh.monitor.probes.icmp.echo_replies import EchoReplies
from vimesh.monitor.probes.icmp.open_pings import OpenPings
from vimesh.monitor.scheduling.stall_clock import StallClock
from vimesh.monitor.scheduling.timing_wheel import TimingWheel
from vimesh.monitor.targets.cohorts import Cohorts
from vimesh.monitor.targets.target import Target

TOKEN, IDENTIFIER, SOURCE = 0x0123456789ABCDEF, 77, bytes([10, 0, 0, 1])
NEIGHBOUR = bytes([10, 0, 0, 2])
REPLY = packet(ECHO_REPLY_V4, IDENTIFIER, TOKEN)
REQUEST = packet(ECHO_REQUEST_V4, IDENTIFIER, TOKEN)
HOST_UNREACHABLE = 113
NOT_ABOUT_THE_VIM = 105


class Ears:
    """Everything that hears, with one ping under way; what came of it is in `answers` and `failures`."""

    def __init__(self, *, with_ip_header: bool = False) -> None:
        self.answers: list[tuple[int, float]] = []
        self.failures: list[tuple[int, str]] = []
        self.pings = OpenPings()
        self.target = Target(action("http://10.0.0.1"))
        self.pings.add((self.target, 2, TOKEN, SOURCE, IDENTIFIER, 10.0))
        cohorts = Cohorts(prober=NoVolleys(), wheel=TimingWheel(1), running=StallClock(lambda: 0.0), singly=self)
        self.replies = EchoReplies(
            request=ECHO_REQUEST_V4,
            reply=ECHO_REPLY_V4,
            with_ip_header=with_ip_header,
            pings=self.pings,
            cohorts=cohorts,
            listener=self,
        )

    def hear(self, datagram: bytes, source: bytes = SOURCE) -> list[tuple[int, float]]:
        self.replies.handle_datagram(datagram, source, now=10.5)
        return self.answers

    def record_answer(self, target: Target, number: int, round_trip_s: float) -> None:
        assert target is self.target
        self.answers.append((number, round_trip_s))

    def record_failure(self, target: Target, number: int, reason: str, detail: str) -> None:
        assert target is self.target
        assert detail
        self.failures.append((number, reason))

    def record_departure(self, target: Target) -> int:
        raise AssertionError(target)

    def record_fault(self, *fault: object) -> None:
        raise AssertionError(fault)

    def resume_round(self, *round_: object) -> None:
        raise AssertionError(round_)

    def schedule_round(self, target: Target) -> None:
        raise AssertionError(target)


def test_an_answer_is_of_the_probe_that_was_sent_and_counts_once() -> None:
    ears = Ears()

    ears.hear(REPLY)
    ears.hear(REPLY)

    assert ears.answers == [(2, 0.5)]


def test_nothing_in_an_answer_changes_its_round_trip_or_its_number() -> None:
    for place in range(16, PACKET_BYTES):
        changed = bytearray(REPLY)
        changed[place] ^= 0xFF

        assert Ears().hear(bytes(changed)) == [(2, 0.5)]


@pytest.mark.parametrize("bit", range(64))
def test_a_token_of_which_one_bit_is_wrong_is_none(bit: int) -> None:
    assert not Ears().hear(packet(ECHO_REPLY_V4, IDENTIFIER, TOKEN ^ (1 << bit)))


def test_an_answer_from_elsewhere_does_not_keep_the_right_one_from_counting() -> None:
    ears = Ears()

    assert not ears.hear(REPLY, NEIGHBOUR)
    assert ears.hear(REPLY) == [(2, 0.5)]


@pytest.mark.parametrize("length", range(PACKET_BYTES + 1))
def test_a_reply_that_was_cut_short_counts_if_all_that_is_left_is_right(length: int) -> None:
    assert Ears().hear(REPLY[:length]) == ([(2, 0.5)] if length >= 8 else [])


@pytest.mark.parametrize("place", [*range(4, 8), *range(8, 12)])
def test_a_reply_that_was_cut_short_counts_for_nothing_if_an_octet_is_wrong(place: int) -> None:
    changed = bytearray(REPLY[:12])
    changed[place] ^= 1

    assert not Ears().hear(bytes(changed))


def test_a_reply_that_was_cut_short_must_come_from_the_address_itself() -> None:
    assert not Ears().hear(REPLY[:8], NEIGHBOUR)


def test_a_longer_reply_is_an_answer() -> None:
    assert Ears().hear(REPLY + bytes(100)) == [(2, 0.5)]


@pytest.mark.parametrize("kind", [kind for kind in range(256) if kind != ECHO_REPLY_V4])
def test_no_other_kind_of_message_is_an_answer(kind: int) -> None:
    assert not Ears().hear(packet(kind, IDENTIFIER, TOKEN))


@pytest.mark.parametrize("words", range(16))
def test_the_length_of_an_ip_header_is_believed_within_the_datagram(words: int) -> None:
    datagram = bytes([0x40 | words]) + bytes(max(words * 4, 20) - 1) + REPLY

    assert Ears(with_ip_header=True).hear(datagram) == ([(2, 0.5)] if words >= 5 else [])
    assert strip_ip_header(datagram[:19]) == b""


def test_the_answer_to_a_round_that_is_over_is_none() -> None:
    ears = Ears()
    ears.pings.remove_target(ears.target)

    assert not ears.hear(REPLY)
    assert not ears.hear(REPLY[:8])
    assert ears.target not in ears.pings


def test_all_pings_of_a_round_are_forgotten_with_it() -> None:
    ears = Ears()
    ears.pings.add((ears.target, 3, TOKEN + 1, SOURCE, IDENTIFIER, 11.0))

    ears.hear(REPLY)
    ears.pings.remove_target(ears.target)

    assert ears.hear(packet(ECHO_REPLY_V4, IDENTIFIER, TOKEN + 1)) == [(2, 0.5)]


def test_an_error_is_believed_that_quotes_the_token_and_only_once() -> None:
    ears = Ears()

    ears.replies.handle_error(REQUEST[:16], HOST_UNREACHABLE)
    ears.replies.handle_error(REQUEST, HOST_UNREACHABLE)

    assert ears.failures == [(2, Reason.HOST_UNREACHABLE)]


@pytest.mark.parametrize(
    "quoted",
    [b"", REQUEST[:8], REQUEST[:15], REPLY, packet(ECHO_REQUEST_V4, IDENTIFIER, TOKEN + 1), REQUEST[8:]],
)
def test_an_error_that_does_not_quote_the_token_is_ignored(quoted: bytes) -> None:
    ears = Ears()

    ears.replies.handle_error(quoted, HOST_UNREACHABLE)

    assert not ears.failures
    assert ears.hear(REPLY)


def test_an_error_that_says_nothing_about_the_vim_leaves_its_ping_open() -> None:
    ears = Ears()

    ears.replies.handle_error(REQUEST, NOT_ABOUT_THE_VIM)

    assert not ears.failures
    assert ears.hear(REPLY)


@given(datagram=st.binary(max_size=128), source=st.binary(max_size=16), with_ip_header=st.booleans())
def test_whatever_comes_in_nothing_raises_and_nobody_has_answered(
    datagram: bytes, source: bytes, with_ip_header: bool
) -> None:
    ears = Ears(with_ip_header=with_ip_header)

    assert not ears.hear(datagram, source)
    ears.replies.handle_error(datagram, HOST_UNREACHABLE)
    assert not ears.failures


@given(
    message=st.one_of(st.binary(max_size=64), st.builds(REPLY.__add__, st.binary(max_size=8))),
    cut=st.integers(0, 32),
)
def test_a_message_is_taken_apart_without_reading_beyond_it(message: bytes, cut: int) -> None:
    echo = parse_echo(message[:cut])

    if len(message[:cut]) < 8:
        assert echo is None
        return
    assert echo is not None
    assert echo.payload == message[8:cut]
    assert (echo.token is None) == (len(echo.payload) < 8)
    if echo.token is not None:
        assert struct.pack("=Q", echo.token) == echo.payload[:8]
