from __future__ import annotations

import pytest

from vimesh.rpc.admission.callers import caller

NOBODY: tuple[tuple[str, str], ...] = ()


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:192.0.2.7:41000", "192.0.2.7"),
        ("ipv6:%5B2001:db8:1:2:3:4:5:6%5D:41000", "2001:db8:1:2::"),
        ("ipv6:%5B::ffff:192.0.2.7%5D:41000", "192.0.2.7"),
        ("ipv6:%5Bfe80::1%25eth0%5D:41000", "fe80::"),
        ("unix:/run/vimesh/conductor.sock", "local"),
        ("unix:", "local"),
    ],
)
def test_a_caller_that_comes_by_itself_is_its_peer(peer: str, address: str) -> None:
    assert caller(NOBODY, peer) == address


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("10.0.0.1, 192.0.2.7", "192.0.2.7"),
        ("10.0.0.1,2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        # The second door as a socket, and what no front writes: all of these share one limit.
        ("/run/vimesh/reports", ""),
        ("10.0.0.1, somebody", ""),
        ("10.0.0.1,", ""),
        ("x" * 10_000, ""),
    ],
)
def test_a_caller_that_comes_through_the_front_is_whom_the_front_saw(forwarded: str, address: str) -> None:
    assert caller([("user-agent", "any"), ("x-forwarded-for", forwarded)], "unix:") == address


def test_of_several_headers_the_last_one_counts() -> None:
    """The front appends to the last one."""
    assert caller([("x-forwarded-for", "10.0.0.1"), ("x-forwarded-for", "192.0.2.7")], "unix:") == "192.0.2.7"
