"""A probe on a connection that was kept says what one on a new connection would say."""

from __future__ import annotations

import datetime as dt
import itertools
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.support.clouds.certificates import self_signed
from tests.support.clouds.keeping import PLAIN, Ending, KeepingApi, keeping_api
from tests.support.networks.name_server import name_server
from tests.support.probers.actions import action, quick_policy
from tests.support.probers.loopback_rules import loopback_settings
from tests.support.probers.verdicts import Verdicts
from vimesh.domain.probing import ProbePolicy, Reason
from vimesh.domain.vims import Status
from vimesh.monitor.host.action_host import ActionHost
from vimesh.monitor.host.build_host import hosting
from vimesh.monitor.targets.target import Target

QUICK = quick_policy(interval_s=0.5, timeout_s=0.4)
VERIFYING = quick_policy(interval_s=0.5, timeout_s=0.4, tls_verify=True)
UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
SHORT_LIFE_S = 2.0


@pytest.fixture
async def api() -> AsyncGenerator[KeepingApi]:
    async with keeping_api() as made:
        yield made


@pytest.fixture
async def short_lived(verdicts: Verdicts) -> AsyncGenerator[ActionHost]:
    """A host whose connections are soon made anew."""
    with hosting(verdicts.note, loopback_settings(kept_life_s=SHORT_LIFE_S)) as made:
        yield made


def start(host: ActionHost, url: str, policy: ProbePolicy) -> str:
    """Have a VIM probed whose second round follows the first one after half an interval, and return its id.

    Otherwise it may follow at once: phases are hashes of ids.
    """
    names = (f"vim-{number}" for number in itertools.count())
    now_s, interval_s = time.monotonic(), policy.interval_s
    middle = (0.4 * interval_s, 0.6 * interval_s)
    actions = (action(url, policy, vim_id=name) for name in names)
    chosen = next(each for each in actions if middle[0] < (Target(each).phase_s - now_s) % interval_s < middle[1])
    host.start(chosen)
    return chosen.vim_id


def assert_always_reachable(verdicts: Verdicts) -> None:
    assert [verdict.status for verdict in verdicts.all] == [Status.REACHABLE]


def assert_confirmed(api: KeepingApi) -> None:
    """Each request on a connection that had answered before is followed by one on a new connection."""
    for number, (connection, following) in enumerate(itertools.pairwise(api.asked)):
        if connection in api.asked[:number]:
            assert following not in api.asked[: number + 1], api.asked


@pytest.mark.parametrize(
    "answer",
    [
        PLAIN,
        b"HTTP/1.1 401 Unauthorized\r\ncontent-LENGTH:3\r\nConnection: keep-alive\r\n\r\nno!",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;a=b\r\nbody\r\n0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n" + bytes(60000),
    ],
)
async def test_a_connection_whose_answers_have_an_end_is_used_again(
    host: ActionHost, api: KeepingApi, verdicts: Verdicts, answer: bytes
) -> None:
    api.reply = lambda _, __: answer
    start(host, api.url, QUICK)

    await api.was_asked_again(3)

    assert_always_reachable(verdicts)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nuntil I close",
        b"HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n" + bytes(70000),
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nthe rest never comes",
    ],
)
async def test_a_connection_whose_answers_have_no_sure_end_is_not(
    host: ActionHost, api: KeepingApi, verdicts: Verdicts, answer: bytes
) -> None:
    api.reply = lambda _, __: answer
    start(host, api.url, QUICK)

    await api.was_asked(3)

    assert api.asked == [1, 2, 3]
    assert_always_reachable(verdicts)


async def test_what_a_server_says_unasked_ends_the_connection(
    host: ActionHost, api: KeepingApi, verdicts: Verdicts
) -> None:
    vim_id = start(host, api.url, QUICK)
    await api.was_asked(1)
    await verdicts.next_of(vim_id)

    # No probe may take this for its answer.
    await api.say_unasked(UNAVAILABLE)
    await api.was_asked(2)

    assert api.asked[:2] == [1, 2]
    assert_always_reachable(verdicts)


async def test_a_restart_between_two_probes_goes_unnoticed(
    host: ActionHost, api: KeepingApi, verdicts: Verdicts
) -> None:
    start(host, api.url, QUICK)
    await api.was_asked_again(1)

    await api.refuse()
    await api.hang_up()
    await api.listen()
    await api.was_asked_again(3)

    assert_always_reachable(verdicts)


async def test_a_kept_connection_that_ends_with_the_probe_is_no_failure(
    host: ActionHost, api: KeepingApi, verdicts: Verdicts
) -> None:
    api.reply = lambda _, number: PLAIN if number < 3 else None
    start(host, api.url, QUICK)

    await api.was_asked_again(5)

    assert_always_reachable(verdicts)


@pytest.mark.parametrize("bad", [UNAVAILABLE, b"garbage", b"HTT", b""])
async def test_bad_news_on_a_kept_connection_is_confirmed_on_a_new_one(
    host: ActionHost, api: KeepingApi, verdicts: Verdicts, bad: bytes
) -> None:
    api.reply = lambda _, number: PLAIN if number == 1 else bad
    start(host, api.url, QUICK)

    await api.was_asked_again(3)

    assert_confirmed(api)
    assert_always_reachable(verdicts)


async def test_bad_news_that_is_true_is_told_as_soon_as_without_kept_connections(
    host: ActionHost, api: KeepingApi, verdicts: Verdicts
) -> None:
    vim_id = start(host, api.url, QUICK)
    await api.was_asked_again(1)
    good = len(api.asked)

    api.reply = lambda _, __: UNAVAILABLE
    verdict = await verdicts.until(vim_id, Status.UNREACHABLE)

    assert verdict.reason == "HTTP_503"
    first, *others = api.asked[good:]
    assert first in api.asked[:good]
    assert len(others) == QUICK.fall
    assert not {*others} & {*api.asked[:good]}


async def test_silence_on_a_kept_connection_is_confirmed_at_its_own_address(
    api: KeepingApi, verdicts: Verdicts
) -> None:
    with name_server() as names, hosting(verdicts.note, loopback_settings(name_servers=(names.address,))) as host:
        names.serve("vim.example", "127.0.0.1", "127.0.0.2")
        api.reply = lambda _, number: PLAIN if number == 1 else b""
        # Two addresses and two probes: nobody listens on the second address.
        start(host, f"http://vim.example:{api.port}", quick_policy(interval_s=1, timeout_s=0.5, fall=2))
        await api.was_asked_again(2)

    assert_confirmed(api)
    assert_always_reachable(verdicts)


async def test_a_server_that_does_not_keep_connections_is_told_to_close_them(
    host: ActionHost, api: KeepingApi, verdicts: Verdicts
) -> None:
    api.idle_limit_s = 0.05
    start(host, api.url, QUICK)

    await api.was_told_to_close(1)

    assert not api.told_to_close[0]
    assert_always_reachable(verdicts)


@pytest.mark.parametrize("ending", [Ending.CLOSE, Ending.RESET])
async def test_a_server_that_ends_each_connection_after_its_answer_is_reachable(
    host: ActionHost, api: KeepingApi, verdicts: Verdicts, ending: Ending
) -> None:
    api.ending = ending
    start(host, api.url, QUICK)

    await api.was_told_to_close(3)

    assert_always_reachable(verdicts)
    assert api.told_to_close == sorted(api.told_to_close)  # never again otherwise


async def test_what_a_server_says_when_it_has_waited_for_too_long_is_no_answer(
    host: ActionHost, api: KeepingApi, verdicts: Verdicts
) -> None:
    api.idle_limit_s = 0.05
    api.last_words = b"HTTP/1.0 408 Request Time-out\r\nConnection: close\r\n\r\n"
    start(host, api.url, QUICK)

    await api.was_told_to_close(3)

    assert_always_reachable(verdicts)
    assert api.told_to_close == sorted(api.told_to_close)  # never again otherwise


async def test_where_one_probe_has_the_last_word_each_has_a_connection_of_its_own(
    host: ActionHost, api: KeepingApi, verdicts: Verdicts
) -> None:
    start(host, api.url, quick_policy(interval_s=0.3, timeout_s=0.2, fall=1))

    await api.was_asked(3)

    assert api.asked == [1, 2, 3]
    assert all(api.told_to_close)
    assert_always_reachable(verdicts)


async def test_a_vim_that_refuses_new_connections_is_noticed_although_an_old_one_lives(
    short_lived: ActionHost, api: KeepingApi, verdicts: Verdicts
) -> None:
    vim_id = start(short_lived, api.url, QUICK)
    await api.was_asked(2)

    await api.refuse()

    assert (await verdicts.until(vim_id, Status.UNREACHABLE)).reason == Reason.REFUSED
    # Within 5/4 of the life, plus a round.
    assert len(api.asked) <= 1.25 * SHORT_LIFE_S / QUICK.interval_s + 2


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder of a server's certificate that the system trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    (tmp_path / "0a1b2c3d.0").touch()
    return tmp_path


async def test_a_certificate_that_turns_bad_is_noticed_although_an_old_connection_lives(
    verdicts: Verdicts, trusted: Path
) -> None:
    async with keeping_api(self_signed(trusted)) as api:
        with hosting(verdicts.note, loopback_settings(kept_life_s=SHORT_LIFE_S)) as host:
            vim_id = start(host, api.url, VERIFYING)
            await api.was_asked_again(1)

            await api.refuse()
            api.tls = self_signed(trusted, valid_for=-dt.timedelta(days=1))
            await api.listen()

            assert (await verdicts.until(vim_id, Status.UNREACHABLE)).reason == Reason.TLS

    assert verdicts.all[0].status is Status.REACHABLE


async def test_tls_connections_are_kept_as_well(host: ActionHost, verdicts: Verdicts, tmp_path: Path) -> None:
    async with keeping_api(self_signed(tmp_path)) as api:
        vim_id = start(host, api.url, quick_policy(interval_s=1, timeout_s=0.8))
        await api.was_asked_again(3)

        assert_always_reachable(verdicts)

        host.stop(vim_id, "action")
        await api.has_open(0)


async def test_the_limit_of_sockets_holds_and_takes_no_vim_its_probes(verdicts: Verdicts) -> None:
    policy = quick_policy(interval_s=1, timeout_s=0.8)
    async with AsyncExitStack() as scope:
        apis = {f"vim-{n}": await scope.enter_async_context(keeping_api(host=f"127.0.0.{n}")) for n in range(1, 13)}
        with hosting(verdicts.note, loopback_settings(sockets=4)) as host:
            for vim_id, api in apis.items():
                host.start(action(api.url, policy, vim_id=vim_id))
            for api in apis.values():
                await api.was_asked(8)

    assert sorted(verdict.vim_id for verdict in verdicts.all) == sorted(apis)
    assert {verdict.status for verdict in verdicts.all} == {Status.REACHABLE}
    assert any(len(api.asked) > api.connections for api in apis.values())  # some were kept


async def test_an_action_that_is_stopped_leaves_no_connection(host: ActionHost, api: KeepingApi) -> None:
    vim_id = start(host, api.url, QUICK)
    await api.was_asked(2)

    host.stop(vim_id, "action")

    await api.has_open(0)
