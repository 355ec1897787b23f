"""Which status pages there are is written in a file, whose mistakes are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from vimesh.console.status.pages_file import StatusPage, read_pages
from vimesh.domain.errors import BadSetting

GOOD = """
fleet: eu
pages:
  sites:
    title: Our sites
    project: core "1"
    filter: labels.tier = "gold" OR type = kubernetes
    label: example.com/site
    names: {berlin-1: "Berlin <I>"}
    public: true
  inside: {title: All, label: site}
"""


def read(folder: Path, text: str) -> dict[str, StatusPage]:
    path = folder / "pages.yaml"
    path.write_text(text)
    return dict(read_pages(path))


def test_pages_are_read(tmp_path: Path) -> None:
    pages = read(tmp_path, GOOD)

    sites = pages["sites"]
    assert (sites.name, sites.title, sites.fleet, sites.public, sites.shown("berlin-1"), sites.shown("x")) == (
        *("sites", "Our sites", "eu", True),
        *("Berlin <I>", "x"),
    )
    assert sites.vims == (
        'labels.example.com/site:* AND project_id = "core \\"1\\"" AND (labels.tier = "gold" OR type = kubernetes)'
    )
    assert pages["inside"] == StatusPage("inside", "All", "site", fleet="eu")
    assert pages["inside"].vims == "labels.site:*"
    assert not pages["inside"].public


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must be a mapping"),
        ("pages: {}", "must be a mapping from names to 1 to 32 pages"),
        ("pages: [a]", "must be a mapping from names to 1 to 32 pages"),
        ("pages: {a: {title: A, label: b}}\nmore: 1", "unknown key 'more'"),
        ("pages: {A: {title: A, label: b}}", "lower-case letters"),
        ("{fleet: 7, pages: {a: {title: A, label: b}}}", "fleet in"),
        ("pages: {a/b: {title: A, label: b}}", "lower-case letters"),
        ("pages: {7: {title: A, label: b}}", "lower-case letters"),
        ("pages: {a: {label: b}}", "title of pages.a"),
        ('pages: {a: {title: "", label: b}}', "title of pages.a"),
        ('pages: {a: {title: "A\\x07", label: b}}', "title of pages.a"),
        ("pages: {a: {title: A}}", "label of pages.a"),
        ("pages: {a: {title: A, label: '-'}}", "label of pages.a"),
        ("pages: {a: {title: A, label: b, public: 1}}", "public of pages.a"),
        ("pages: {a: {title: A, label: b, project: ''}}", "project of pages.a"),
        ("pages: {a: {title: A, label: b, filter: status}}", "filter of pages.a"),
        ("pages: {a: {title: A, label: b, filter: 'type = openstack) OR (id:*'}}", "filter of pages.a"),
        ("pages: {a: {title: A, label: b, filter: 'type = openstack) OR (name = \"*\"'}}", "filter of pages.a"),
        ("pages: {a: {title: A, label: b, filter: 'type = openstack) OR name:* OR (id = a'}}", "filter of pages.a"),
        ("pages: {a: {title: A, label: b, filter: 'flapping = true'}}", "filter of pages.a"),
        ("pages: {a: {title: A, label: b, names: [c]}}", "names of pages.a"),
        ("pages: {a: {title: A, label: b, names: {'c d': C}}}", "'c d', which is no value of a label"),
        ("pages: {a: {title: A, label: b, names: {c: 7}}}", "c in names of pages.a"),
        ("pages: {a: {title: A, label: b, colour: red}}", "unknown key 'colour'"),
        ("pages: {" + ", ".join(f"p{n}: {{title: A, label: b}}" for n in range(33)) + "}", "1 to 32 pages"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadSetting) as refused:
        read(tmp_path, text)

    assert message in str(refused.value)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"pages\.yaml"):
        read_pages(tmp_path / "pages.yaml")


def test_the_filter_cannot_reach_beyond_its_project(tmp_path: Path) -> None:
    page = read(
        tmp_path, "pages: {a: {title: A, label: b, project: p, filter: type = openstack OR type = kubernetes}}"
    )["a"]

    assert page.vims.endswith(" AND (type = openstack OR type = kubernetes)")
