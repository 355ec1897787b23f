from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vimesh.domain.endpoints import AuthUrlInvalid, Endpoint, endpoint_of, without_credentials


@pytest.mark.parametrize(
    ("auth_url", "host", "port", "path"),
    [
        # What the old Tacker monitor took apart wrongly: it pinged `[2001`, `user`, `b`, `evil`, `10.0.0.1/k8s/...`.
        ("http://[2001:db8::10]:5000/v3", "2001:db8::10", 5000, "/v3"),
        ("http://user:pw@10.0.0.1:5000/v3", "10.0.0.1", 5000, "/v3"),
        ("http://10.0.0.1/a//b", "10.0.0.1", 80, "/a//b"),
        ("http://10.0.0.1?x=//evil", "10.0.0.1", 80, "/?x=//evil"),
        ("https://10.0.0.1/k8s/clusters/c-1", "10.0.0.1", 443, "/k8s/clusters/c-1"),
        ("https://Keystone.Example.ORG:5000", "keystone.example.org", 5000, "/"),
        ("http://keystone_1.internal.:35357/v3", "keystone_1.internal.", 35357, "/v3"),
        ("HTTP://10.0.0.1/v3#part", "10.0.0.1", 80, "/v3"),
        ("http://user:p@ss@10.0.0.1/", "10.0.0.1", 80, "/"),
        # RFC 6874 has the sign before a zone escaped; people and older vimesh write it as it is.
        ("http://[fe80::1%25eth0]:5000/v3", "fe80::1%eth0", 5000, "/v3"),
        ("http://[fe80::1%eth0]:5000/v3", "fe80::1%eth0", 5000, "/v3"),
        ("http://[fe80::1%25br-lan]/", "fe80::1%br-lan", 80, "/"),
        ("http://[fe80::1%2525g]/", "fe80::1%25g", 80, "/"),
        ("http://[fe80::1%253]/", "fe80::1%3", 80, "/"),
        ("http://[fe80::1%25]/", "fe80::1%25", 80, "/"),
    ],
)
def test_an_auth_url_names_its_host_port_and_path(auth_url: str, host: str, port: int, path: str) -> None:
    endpoint = endpoint_of(auth_url)

    assert (endpoint.host, endpoint.port, endpoint.path) == (host, port, path)


@pytest.mark.parametrize(
    "auth_url",
    [
        "",
        "10.0.0.1:5000",
        "ftp://10.0.0.1",
        "http://",
        "http:///v3",
        "http://:5000/v3",
        "http://-f/v3",
        "http://a..b/",
        "http://10.0.0.256/",
        "http://127.1/",
        "http://10.0.0.1:0/",
        "http://10.0.0.1:99999/",
        "http://10.0.0.1:http/",
        "http://[2001:db8::10/",
        "http://[fe80::1%eth0 ]/",
        "http://[not-an-address]/",
        "http://[fe80::1%25a%2Fb]/",
        "http://[fe80::1%25a%00]/",
        "http://[fe80::1%25a%20]/",
        "http://[fe80::1%25a%25b]/",
        "http://10.0.0.1/\n",
        "http://10.0.0.1\t/",
        "http://10.0.0.1/\x00",
        "http://10.0.0.1\\@evil/",
        "http://k\u00e9ystone/",
        "http://" + "a" * 64 + "/",
        "http://10.0.0.1/" + "x" * 2048,
        "javascript:alert(1)",
    ],
)
def test_what_is_no_http_url_is_refused(auth_url: str) -> None:
    with pytest.raises(AuthUrlInvalid):
        endpoint_of(auth_url)


def test_credentials_and_fragment_do_not_stay_in_the_url() -> None:
    assert without_credentials("https://user:pw@[::1]:5000/v3?a=b#c") == "https://[::1]:5000/v3?a=b"
    assert without_credentials("http://a/v3?api_key=x&a=b") == "http://a/v3?api_key=***&a=b"


@pytest.mark.parametrize("auth_url", ["http://admin:hunter2", "http://admin:hunter2/@host", "http://[hunter2]/"])
def test_the_error_for_a_bad_url_quotes_no_password(auth_url: str) -> None:
    with pytest.raises(AuthUrlInvalid) as refused:
        without_credentials(auth_url)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("endpoint", "authority"),
    [
        (Endpoint("http", "10.0.0.1", 80, "/"), "10.0.0.1"),
        (Endpoint("https", "10.0.0.1", 80, "/"), "10.0.0.1:80"),
        (Endpoint("https", "::1", 443, "/"), "[::1]"),
        (Endpoint("http", "::1", 5000, "/"), "[::1]:5000"),
    ],
)
def test_the_host_header_names_a_port_that_is_not_the_usual_one(endpoint: Endpoint, authority: str) -> None:
    assert endpoint.authority == authority


@given(
    st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)),
    st.integers(1, 65535),
    st.sampled_from(["http", "https"]),
)
def test_every_address_survives_the_way_into_a_url_and_back(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int, scheme: str
) -> None:
    host = f"[{address}]" if address.version == 6 else str(address)

    endpoint = endpoint_of(f"{scheme}://{host}:{port}/v3")

    assert (endpoint.address, endpoint.port) == (address, port)


@given(st.text(max_size=80))
def test_any_text_is_either_an_endpoint_or_refused(text: str) -> None:
    for candidate in (text, f"http://{text}"):
        try:
            endpoint = endpoint_of(candidate)
        except AuthUrlInvalid:
            continue
        assert endpoint.host
        assert not endpoint.host.startswith("-")
        assert endpoint_of(without_credentials(candidate)).host == endpoint.host


@pytest.mark.parametrize("zone", ["%25eth0", "%eth0"])
def test_the_host_header_does_not_tell_the_zone_and_the_url_stays_as_it_was_written(zone: str) -> None:
    auth_url = f"http://[fe80::1{zone}]:5000/v3"

    assert endpoint_of(auth_url).authority == "[fe80::1]:5000"
    assert without_credentials(auth_url) == auth_url
