from __future__ import annotations

from ipaddress import ip_address

import pytest

from vimesh.target_rules.networks import parse_networks
from vimesh.target_rules.target_rules import TargetRules

OWN = frozenset(ip_address(own).packed for own in ("192.0.2.1", "2001:db8::1"))


def denial(address: str, *, allow: str = "", deny: str = "") -> str | None:
    rules = TargetRules(parse_networks(allow), parse_networks(deny))
    return rules.denial(ip_address(address).packed, OWN)


@pytest.mark.parametrize(
    ("first", "last", "before", "after"),
    [
        ("127.0.0.0", "127.255.255.255", "126.255.255.255", "128.0.0.0"),
        ("0.0.0.0", "0.255.255.255", None, "1.0.0.0"),
        ("169.254.0.0", "169.254.255.255", "169.253.255.255", "169.255.0.0"),
        ("224.0.0.0", "239.255.255.255", "223.255.255.255", "240.0.0.0"),
        ("255.255.255.255", "255.255.255.255", "255.255.255.254", None),
        ("100.100.100.200", "100.100.100.200", "100.100.100.199", "100.100.100.201"),
        ("168.63.129.16", "168.63.129.16", "168.63.129.15", "168.63.129.17"),
        ("192.0.0.192", "192.0.0.192", "192.0.0.191", "192.0.0.193"),
        ("192.0.2.1", "192.0.2.1", "192.0.2.0", "192.0.2.2"),
        ("::", "::1", None, "::1:0:0:0"),
        ("fe80::", "febf:ffff::", "fe7f:ffff::", "fec0::"),
        ("ff00::", "ffff::1", "feff::1", None),
        ("fd00:ec2::254", "fd00:ec2::254", "fd00:ec2::253", "fd00:ec2::255"),
        ("fd00:ec2::23", "fd00:ec2::23", "fd00:ec2::22", "fd00:ec2::24"),
        ("fd20:ce::254", "fd20:ce::254", "fd20:ce::253", "fd20:ce::255"),
        ("2001:db8::1", "2001:db8::1", "2001:db8::", "2001:db8::2"),
    ],
)
def test_only_special_networks_and_our_own_addresses_are_denied_by_default(
    first: str, last: str, before: str | None, after: str | None
) -> None:
    assert denial(first)
    assert denial(last)
    assert before is None or denial(before) is None
    assert after is None or denial(after) is None


@pytest.mark.parametrize("address", ["10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fc00::1", "2001:db8::5"])
def test_private_networks_are_where_clouds_are(address: str) -> None:
    assert denial(address) is None


@pytest.mark.parametrize(
    ("address", "allow", "deny", "said"),
    [
        ("127.0.0.1", "127.0.0.1", "", None),
        ("127.0.0.2", "127.0.0.1", "", "loopback addresses"),
        ("192.0.2.1", "192.0.2.0/24", "", None),
        ("169.254.169.254", "169.254.169.254", "", None),
        ("10.1.2.3", "", "10.1.0.0/16", "the rule probe_deny 10.1.0.0/16 forbids"),
        ("10.1.2.3", "10.1.2.3", "10.1.0.0/16", "the rule probe_deny 10.1.0.0/16 forbids"),
        ("127.0.0.1", "127.0.0.0/8", "0.0.0.0/0", "the rule probe_deny 0.0.0.0/0 forbids"),
        ("10.2.0.0", "", "10.1.0.0/16", None),
        ("::1", "::1", "", None),
        ("2001:db8::5", "", "2001:db8::/32", "the rule probe_deny 2001:db8::/32 forbids"),
        ("203.0.113.1", "", "::/0", None),
        # IPv4 in IPv6: both are judged.
        ("::ffff:127.0.0.1", "127.0.0.1", "", None),
        ("::ffff:127.0.0.1", "::/0", "", "loopback addresses"),
        ("64:ff9b::127.0.0.1", "127.0.0.1", "", None),
        ("64:ff9b::127.0.0.1", "64:ff9b::/96", "", "loopback addresses"),
        ("64:ff9b::10.1.2.3", "", "10.1.0.0/16", "the rule probe_deny 10.1.0.0/16 forbids"),
        ("64:ff9b::10.1.2.3", "", "64:ff9b::/96", "the rule probe_deny 64:ff9b::/96 forbids"),
        ("64:ff9b::203.0.113.1", "", "", None),
        ("64:ff9b:1::192.0.2.1", "", "", "the fleet's own addresses"),
        ("2002:a01:203::1", "", "10.1.0.0/16", "the rule probe_deny 10.1.0.0/16 forbids"),
        ("2002:cb00:7101::1", "", "", None),
        ("2001:0:4136:e378::f5fe:fdfc", "", "10.1.0.0/16", "the rule probe_deny 10.1.0.0/16 forbids"),
        ("2001:0:4136:e378::34ff:8efe", "", "", None),
    ],
)
def test_an_explicit_deny_decides_before_an_allow_and_that_before_the_defaults(
    address: str, allow: str, deny: str, said: str | None
) -> None:
    why = denial(address, allow=allow, deny=deny)

    assert (why is None) if said is None else (why or "").startswith(said)


def test_the_reason_names_neither_the_address_nor_what_it_is_for() -> None:
    why = denial("192.0.2.1")

    assert why == "the fleet's own addresses are not probed unless probe_allow names them"
