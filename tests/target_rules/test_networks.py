from __future__ import annotations

import pytest

from vimesh.target_rules.networks import MAX_NETWORKS, format_networks, parse_networks


def test_networks_and_single_addresses_are_read_and_written() -> None:
    networks = parse_networks(" 10.0.0.0/8, 127.0.0.1,2001:db8::/32 ,::1,")

    assert format_networks(networks) == "10.0.0.0/8,127.0.0.1/32,2001:db8::/32,::1/128"
    assert parse_networks(format_networks(networks)) == networks
    assert parse_networks("") == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("here", "must be an address or a network such as 10.0.0.0/8, not 'here'"),
        ("127.1", "must be an address or a network"),
        ("2130706433", "must be an address or a network"),
        ("10.0.0.0/33", "must be an address or a network"),
        ("10.0.0.1/8", "must be 10.0.0.0/8 or a single address, not '10.0.0.1/8'"),
        ("fe80::1%eth0", "must be without a zone"),
        ("::ffff:10.0.0.0/104", "must be written as IPv4"),
        ("['10.0.0.0/8']", "must be one string"),
        ("x" * 5000, "must be an address or a network such as 10.0.0.0/8, not 'xxx"),
        (",".join(["10.0.0.0/8"] * (MAX_NETWORKS + 1)), "must be at most 1000 networks, not 1001"),
    ],
)
def test_what_is_no_network_is_refused_briefly(text: str, said: str) -> None:
    with pytest.raises(ValueError, match="must be") as raised:
        parse_networks(text)

    assert str(raised.value).startswith(said)
    assert len(str(raised.value)) < 150
