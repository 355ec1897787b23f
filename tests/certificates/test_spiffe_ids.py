from __future__ import annotations

import pytest

from vimesh.certificates.spiffe_ids import BadIdentity, Role, SpiffeId, parse_spiffe_id


@pytest.mark.parametrize("role", Role)
def test_an_identity_reads_as_it_is_written(role: Role) -> None:
    identity = SpiffeId("mesh.example.org", role, "host-1.example_org")

    assert str(identity) == f"spiffe://mesh.example.org/{role}/host-1.example_org"
    assert parse_spiffe_id(str(identity)) == identity


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "vimesh/monitor/m1",
        "https://vimesh/monitor/m1",
        "SPIFFE://vimesh/monitor/m1",
        "spiffe:///monitor/m1",
        "spiffe://Vimesh/monitor/m1",
        "spiffe://vimesh:8443/monitor/m1",
        "spiffe://user@vimesh/monitor/m1",
        "spiffe://vimesh/monitor",
        "spiffe://vimesh/monitor/",
        "spiffe://vimesh/monitor/m1/",
        "spiffe://vimesh/monitor/m1/more",
        "spiffe://vimesh//m1",
        "spiffe://vimesh/monitor/..",
        "spiffe://vimesh/monitor/m%31",
        "spiffe://vimesh/monitor/m1?query",
        "spiffe://vimesh/monitor/m1#part",
        "spiffe://vimesh/monitor/m 1",
        "spiffe://vimesh/monitor/m1\n",
        "spiffe://vimesh/monitor/mönitor",
        "spiffe://vimesh/Monitor/m1",
        "spiffe://vimesh/master/m1",
        "spiffe://" + "v" * 256 + "/monitor/m1",
        "spiffe://vimesh/monitor/" + "m" * 2048,
    ],
)
def test_what_is_not_exactly_an_identity_is_none(uri: str) -> None:
    with pytest.raises(BadIdentity):
        parse_spiffe_id(uri)
