"""What each answer, and each way to give none, means for a notification."""

from __future__ import annotations

import datetime as dt
from email.utils import format_datetime
from pathlib import Path

import pytest

from tests.support.clouds.targets import free_port
from tests.support.notifier.loopback_guard import guarding
from tests.support.notifier.scripted_http import Answer, scripted_http
from tests.support.notifier.server_certificate import certified
from tests.support.notifier.told_changes import change, notification
from vimesh.domain.notifications.targets import CloudEventsTarget
from vimesh.notifier.senders.http.http_poster import MAX_BODY_BYTES, MAX_RETRY_AFTER_S, HttpPoster, parse_retry_after
from vimesh.notifier.senders.open_sender import open_sender
from vimesh.notifier.senders.sender import ReceiverGone, SendDelayed, SendError, SendRefused

SECRET = "s3cret-token"


async def outcome_of(url: str, limit_s: float = 15.0) -> SendError | None:
    """Send a notification; return how that failed, or None."""
    async with guarding() as guard:
        target = CloudEventsTarget(url=url, bearer_token=SECRET)
        sender = open_sender(target, guard=guard, repeat_interval_s=0.0, limit_s=limit_s)
        try:
            await sender.send(notification(change()))
        except SendError as error:
            return error
        finally:
            await sender.close()
    return None


async def outcome(answer: Answer, limit_s: float = 15.0) -> SendError | None:
    async with scripted_http(answer) as server:
        return await outcome_of(server.url, limit_s)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_it_is_delivered_once_the_receiver_says_so(status: int) -> None:
    assert await outcome(Answer(status)) is None


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_it_is_delayed_by_what_may_pass(status: int) -> None:
    error = await outcome(Answer(status))

    assert isinstance(error, SendDelayed)
    assert str(status) in str(error)
    assert error.retry_after_s is None


async def test_a_receiver_may_say_when_to_ask_again() -> None:
    error = await outcome(Answer(429, {"Retry-After": "7"}))

    assert isinstance(error, SendDelayed)
    assert error.retry_after_s == 7.0


@pytest.mark.parametrize("wish", ["0", "Sun, 01 Mar 2020 00:00:00 GMT"])
async def test_no_receiver_can_be_asked_again_without_a_pause(wish: str) -> None:
    error = await outcome(Answer(503, {"Retry-After": wish}))

    assert isinstance(error, SendDelayed)
    assert error.retry_after_s is None


@pytest.mark.parametrize("status", [400, 404, 405, 422])
async def test_it_is_refused_by_what_stays(status: int) -> None:
    error = await outcome(Answer(status))

    assert isinstance(error, SendRefused)
    assert str(error) == f"the receiver answered {status}; check its URL, kind and log"


async def test_what_is_too_large_at_its_smallest_is_refused() -> None:
    error = await outcome(Answer(413))

    assert isinstance(error, SendRefused)
    assert str(error) == "the receiver answered 413, even to a single change; have it take larger requests"


@pytest.mark.parametrize("status", [401, 403])
async def test_refused_credentials_are_called_that(status: int) -> None:
    error = await outcome(Answer(status))

    assert isinstance(error, SendRefused)
    assert "check the credentials" in str(error)


async def test_a_receiver_that_is_gone_ends_it() -> None:
    assert isinstance(await outcome(Answer(410)), ReceiverGone)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_refused_and_not_followed(status: int) -> None:
    async with scripted_http() as elsewhere:
        error = await outcome(Answer(status, {"Location": f"{elsewhere.url}?token={SECRET}"}))

        assert isinstance(error, SendRefused)
        assert SECRET not in str(error)
        assert "redirects are not followed" in str(error)
        assert not elsewhere.connections


async def test_no_answer_in_time_delays_it() -> None:
    error = await outcome(Answer(hangs=True), limit_s=0.5)

    assert isinstance(error, SendDelayed)
    assert "has not taken the notification within 0.5 s" in str(error)


async def test_a_head_without_end_is_given_up_before_the_time_is() -> None:
    error = await outcome(Answer(trickles=True))

    assert isinstance(error, SendDelayed)
    assert "the exchange with the receiver failed" in str(error)


async def test_an_answer_that_is_cut_delays_it() -> None:
    error = await outcome(Answer(200, is_cut=True))

    assert isinstance(error, SendDelayed)


@pytest.mark.parametrize(("status", "kind"), [(200, type(None)), (500, SendDelayed), (400, SendRefused)])
async def test_a_body_without_end_is_not_read(status: int, kind: type[object]) -> None:
    assert isinstance(await outcome(Answer(status, is_endless=True)), kind)


async def test_no_receiver_at_the_address_delays_it() -> None:
    error = await outcome_of(f"http://127.0.0.1:{free_port()}/notify")

    assert isinstance(error, SendDelayed)
    assert str(error) == "cannot connect to the receiver: Connection refused; check its address"


async def test_the_certificate_of_a_receiver_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with scripted_http(tls=certified(tmp_path, monkeypatch, "127.0.0.1")) as server:
        assert await outcome_of(server.url.replace("http:", "https:")) is None
        monkeypatch.delenv("SSL_CERT_FILE")
        unknown = await outcome_of(server.url.replace("http:", "https:"))

    assert isinstance(unknown, SendDelayed)
    assert str(unknown) == "the certificate of the receiver cannot be verified; mend it, or ssl_ca_cert"
    assert len(server.requests) == 1


async def test_a_certificate_of_another_name_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with scripted_http(tls=certified(tmp_path, monkeypatch, "127.0.0.2")) as server:
        error = await outcome_of(server.url.replace("http:", "https:"))

    assert isinstance(error, SendDelayed)
    assert "cannot be verified" in str(error)
    assert not server.requests


async def test_a_receiver_without_tls_is_sent_nothing() -> None:
    async with scripted_http() as server:
        error = await outcome_of(server.url.replace("http:", "https:"))

    assert isinstance(error, SendDelayed)
    assert not server.requests


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http://", "notify", f"http://127.1/{SECRET}", "http://xn--a/"])
async def test_a_url_that_is_none_is_refused(url: str) -> None:
    error = await outcome_of(url)

    assert isinstance(error, SendRefused)
    assert SECRET not in str(error)


async def test_a_url_with_a_line_break_is_no_other_request() -> None:
    error = await outcome_of(f"http://127.0.0.1:1/{SECRET}\r\nX: y")

    assert isinstance(error, SendDelayed)
    assert SECRET not in str(error)


async def test_a_header_that_would_be_two_is_refused_without_its_value() -> None:
    async with scripted_http() as server, guarding() as guard:
        poster = HttpPoster(guard)
        with pytest.raises(SendRefused) as raised:
            await poster.request("POST", server.url, {"Authorization": f"Bearer {SECRET}\r\nX-Other: y"})
        await poster.close()

        assert SECRET not in str(raised.value)
        assert not server.requests


async def test_a_body_above_the_limit_is_not_sent() -> None:
    async with scripted_http() as server, guarding() as guard:
        poster = HttpPoster(guard)
        with pytest.raises(SendRefused, match="bytes"):
            await poster.request("POST", server.url, {}, bytes(MAX_BODY_BYTES + 1))
        await poster.close()

        assert not server.connections


def test_what_a_receiver_asks_to_wait_is_bounded() -> None:
    now = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)

    assert parse_retry_after("120") == 120.0
    assert parse_retry_after(" 9" * 2000) is None
    assert parse_retry_after("9" * 2000) == MAX_RETRY_AFTER_S
    assert parse_retry_after(format_datetime(now + dt.timedelta(seconds=30), usegmt=True), now) == 30.0
    assert parse_retry_after(format_datetime(now - dt.timedelta(days=1), usegmt=True), now) == 0.0
    assert parse_retry_after(format_datetime(now + dt.timedelta(days=9), usegmt=True), now) == MAX_RETRY_AFTER_S
    endless = "9" * 40
    nonsense_dates = (f"Mon, 01 Jan {endless} 00:00:00 GMT", f"Mon, 01 Jan 2026 00:00:00 +{endless}")
    for nonsense in ("", "soon", "-1", "1.5", "NaN", "٣", *nonsense_dates):
        assert parse_retry_after(nonsense, now) is None
