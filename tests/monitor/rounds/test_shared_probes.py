from __future__ import annotations

import pytest

from tests.support.probers.actions import action, quick_policy
from vimesh.domain.probing import Method, ProbePolicy
from vimesh.monitor.rounds.shared_probes import SharedProbes
from vimesh.monitor.targets.target import Target

PING, TCP, HTTP = (quick_policy(method) for method in Method)


def target(url: str, policy: ProbePolicy, vim_id: str = "vim") -> Target:
    return Target(action(url, policy, vim_id=vim_id))


@pytest.mark.parametrize(
    ("policy", "first", "second", "shared"),
    [
        (PING, "http://10.0.0.1:5000/v3", "https://10.0.0.1/", True),
        (PING, "http://10.0.0.1", "http://10.0.0.2", False),
        (PING, "http://vim.example", "http://vim.example:6443", True),
        (TCP, "http://10.0.0.1:5000/v3", "https://10.0.0.1:5000/", True),
        (TCP, "http://10.0.0.1:5000", "http://10.0.0.1:6443", False),
        (HTTP, "http://10.0.0.1/v3", "http://10.0.0.1:80/v3", True),
        (HTTP, "http://10.0.0.1/v3", "http://10.0.0.1/v2.0", False),
        (HTTP, "http://10.0.0.1:443/v3", "https://10.0.0.1/v3", False),
    ],
)
def test_probes_are_shared_when_nothing_that_is_sent_differs(
    policy: ProbePolicy, first: str, second: str, *, shared: bool
) -> None:
    probes = SharedProbes()
    one = target(first, policy)
    probes.add(one)

    assert probes.twin_of(target(second, policy)) is (one if shared else None)


def test_a_host_may_have_several_targets_and_each_is_found() -> None:
    probes = SharedProbes()
    targets = [target(f"http://10.0.0.1/{number}", HTTP) for number in range(5)]
    for one in targets:
        probes.add(one)

    assert [probes.twin_of(target(f"http://10.0.0.1/{number}", HTTP)) for number in range(5)] == targets


def test_what_is_removed_is_found_no_more_and_its_neighbours_are() -> None:
    probes = SharedProbes()
    first, second, third = (target(f"http://10.0.0.1/{number}", HTTP) for number in range(3))
    for one in (first, second, third):
        probes.add(one)

    probes.remove(second)
    assert probes.twin_of(target("http://10.0.0.1/1", HTTP)) is None
    assert probes.twin_of(target("http://10.0.0.1/2", HTTP)) is third
    probes.remove(first)
    probes.remove(third)
    probes.add(second)
    assert probes.twin_of(target("http://10.0.0.1/1", HTTP)) is second


def test_an_action_that_leaves_hands_the_target_on() -> None:
    one = target("http://10.0.0.1", HTTP, "first")
    one.add(("second", "action"))
    one.add(("third", "action"))

    assert not one.remove(("first", "action"))
    assert list(one.actions()) == [("second", "action"), ("third", "action")]
    assert not one.remove(("third", "action"))
    assert one.remove(("second", "action"))
