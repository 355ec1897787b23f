"""Of many VIMs of one host that are lost together, some stand for all."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from vimesh.conductor.probes.host_samples import ENOUGH, MOST_OF_HOST, HostSample, sampled
from vimesh.domain.probes.asked_probes import AskedProbe, ProbeSighting
from vimesh.domain.probing import ProbePolicy
from vimesh.domain.vims import Status


def probes_of(host: str, count: int) -> dict[str, AskedProbe]:
    urls = [f"http://{host}:{port}/v3" for port in range(1, count + 1)]
    return {url: AskedProbe("vim", url, ProbePolicy()) for url in urls}


def seen(status: Status) -> ProbeSighting:
    return ProbeSighting(status, "", "", None, "m2", "default")


def test_a_host_with_few_vims_is_probed_in_full_however_many_others_there_are() -> None:
    probes = {**probes_of("10.0.0.1", MOST_OF_HOST), **probes_of("10.0.0.2", MOST_OF_HOST)}

    assert sampled(probes, {url: [0] for url in probes}) == {}
    assert len(probes) == 2 * MOST_OF_HOST


def test_of_a_host_with_many_vims_some_are_probed_and_each_vim_is_probed_or_stood_for() -> None:
    probes = {**probes_of("10.0.0.1", 100), **probes_of("10.0.0.2", 5)}
    positions = {url: [2 * number, 2 * number + 1] for number, url in enumerate(probes)}
    with capture_logs() as logs:
        samples = sampled(probes, positions)

    assert len(probes) == MOST_OF_HOST + 5
    assert samples.keys() == {url for url in probes if "10.0.0.1" in url}
    [sample] = set(samples.values())
    assert sorted([*sample.rest, *(position for url in probes for position in positions[url])]) == list(range(210))
    assert [(log["host"], log["lost"], log["asked"]) for log in logs] == [("10.0.0.1", 100, MOST_OF_HOST)]


@pytest.mark.parametrize("status", [Status.REACHABLE, Status.UNREACHABLE])
def test_enough_that_agree_stand_for_the_others_once(status: Status) -> None:
    sample = HostSample([1])
    told = [sample.hear(seen(one)) for one in (Status.UNKNOWN, *[status] * (ENOUGH + 5))]

    assert told == [False] * ENOUGH + [True] + [False] * 5


def test_those_that_disagree_stand_for_nobody() -> None:
    sample = HostSample([1])

    assert not sample.hear(seen(Status.REACHABLE))
    assert not any(sample.hear(seen(Status.UNREACHABLE)) for _ in range(MOST_OF_HOST))
