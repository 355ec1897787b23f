"""A catalogue is what a cloud chose to send: it is read within bounds, and nothing in it can do harm."""

from __future__ import annotations

import json

import pytest

from vimesh.monitor.logins.clouds.service_catalog import MAX_ENDPOINTS, MAX_TYPES, NoToken, ServiceCatalog, read_catalog


def service(kind: object, *urls: object, region: object = "one", interface: object = "public") -> dict[str, object]:
    return {"type": kind, "endpoints": [{"interface": interface, "region_id": region, "url": url} for url in urls]}


def read(*services: object, regions: tuple[str, ...] = ()) -> ServiceCatalog:
    return read_catalog(json.dumps({"token": {"catalog": services}}).encode(), regions)


def urls(catalog: ServiceCatalog) -> list[str]:
    return [f"{one.type} {one.target.scheme}://{one.target.authority}{one.target.path}" for one in catalog.endpoints]


def test_public_endpoints_are_read_in_order() -> None:
    catalog = read(
        service("network", "https://n.example/"),
        service("compute", "http://c.example:8774/v2.1"),
        service("image", "http://i.example", interface="internal"),
    )

    assert urls(catalog) == ["compute http://c.example:8774/v2.1", "network https://n.example/"]
    assert (catalog.types, catalog.is_whole) == (("compute", "network"), True)


def test_regions_choose_endpoints() -> None:
    two = service("compute", "http://two.example", region="two")

    assert urls(read(service("compute", "http://one.example"), two, regions=("two",))) == [
        "compute http://two.example/"
    ]


def test_what_a_url_would_change_is_left_out() -> None:
    catalog = read(service("compute", "http://ann:kiwi@c.example/v2?do=it#now"))

    assert urls(catalog) == ["compute http://c.example/v2"]


def test_urls_that_cannot_be_asked_are_told() -> None:
    catalog = read(service("compute", "file:///etc/passwd"), service("network", "http://n.example/", "gopher://x"))

    assert urls(catalog) == ["network http://n.example/"]
    assert (catalog.types, catalog.without_url) == (("compute", "network"), frozenset({"compute", "network"}))


def test_a_huge_catalogue_is_bounded() -> None:
    many = [service(f"s{number}", *[f"http://{number}.example/{index}" for index in range(9)]) for number in range(99)]

    catalog = read(*many)

    assert len(catalog.types) <= MAX_TYPES
    assert len(catalog.endpoints) == MAX_ENDPOINTS
    assert not catalog.is_whole


def test_odd_values_are_no_services() -> None:
    odd: list[object] = [
        None,
        1,
        [],
        {},
        {"type": "compute"},
        service("no type", "http://x.example"),
        service(1, "http://x.example"),
    ]

    assert read(*odd, service("image", 1), {"type": "image", "endpoints": [None]}).types == ()


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"null", b'{"token": 1}', b"\xff", b"[" * 100_000])
def test_what_is_no_answer_to_a_login(body: bytes) -> None:
    with pytest.raises(NoToken):
        read_catalog(body, ())


@pytest.mark.parametrize("time", ["x", "9" * 99, 1, None, "2026-13-01T00:00:00Z"])
def test_an_odd_time_is_none(time: object) -> None:
    assert read_catalog(json.dumps({"token": {"issued_at": time}}).encode(), ()).issued_at is None
