"""What an entry of a file of VIMs asks for, and what is wrong with one that no conductor would take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToDict

from vimesh.cli.input.file_entries import FileEntry
from vimesh.cli.input.vim_entry import RejectedEntry
from vimesh.cli.vim_import.file_source.entry_to_request import EntryReader
from vimesh.v1.vim_pb2 import ProbePolicy
from vimesh.v1.vim_service_pb2 import RegisterVimRequest

LAB: dict[str, Any] = {"name": "lab", "auth_url": "http://10.0.0.5:5000/v3"}
SECRET = "s3cret-word"
"""Never to be seen in what a command says."""


def request(**content: Any) -> RegisterVimRequest:  # noqa: ANN401 - whatever a file holds
    return EntryReader().prepare(FileEntry(1, content)).request


def test_an_entry_has_the_fields_of_the_contract() -> None:
    found = request(
        **LAB,
        id="B0B1A5C0-0000-4000-8000-000000000000",
        project_id="red",
        type="kubernetes",
        description="the lab",
        is_default=True,
        engine="EXTERNAL",
        auth_cred={"bearer_token": SECRET},
        placement_attr={"regions": ["RegionOne"]},
        probe_policy={
            "method": "PING",
            "interval": "2s",
            "timeout": 0.5,
            "fall": 4,
            "tls_verify": True,
            "fail_for": 6.5,
        },
    )

    assert MessageToDict(found, preserving_proto_field_name=True) == {
        "vim": {
            **LAB,
            "project_id": "red",
            "type": "kubernetes",
            "description": "the lab",
            "is_default": True,
            "auth_cred": {"bearer_token": SECRET},
            "placement_attr": {"regions": ["RegionOne"]},
            "probe_policy": {
                "method": "PING",
                "interval": "2s",
                "timeout": "0.500s",
                "fall": 4,
                "tls_verify": True,
                "fail_for": "6.500s",
            },
        },
        "vim_id": "B0B1A5C0-0000-4000-8000-000000000000",
        "engine": "EXTERNAL",
        "request_id": found.request_id,
    }


def test_an_entry_may_have_the_words_of_the_flags_and_texts_for_numbers() -> None:
    probing = {"method": "tcp", "interval": "2s", "fall": "4", "tls_verify": "false", "fail_for": "1m"}
    flags = request(**LAB, project="red", default="yes", **probing)
    contract = request(
        **LAB,
        project_id="red",
        is_default=True,
        probe_policy={"method": "TCP", "interval": 2, "fall": 4, "tls_verify": False, "fail_for": 60},
    )

    assert flags == contract


def test_an_entry_names_vantages_in_a_list_or_with_commas() -> None:
    listed = request(**LAB, probe_policy={"vantages": ["eu", "us"], "quorum": 2})

    assert list(listed.vim.probe_policy.vantages) == ["eu", "us"]
    assert request(**LAB, vantages="eu, us", quorum="2") == listed


def test_an_entry_says_how_deep_to_look() -> None:
    nested = request(**LAB, probe_policy={"depth": "login", "login_interval": "10m"})

    assert nested.vim.probe_policy == ProbePolicy(depth=ProbePolicy.LOGIN, login_interval=Duration(seconds=600))
    assert request(**LAB, depth="LOGIN", login_interval=600) == nested


def test_an_entry_may_be_one_of_tackers_files_with_a_name() -> None:
    found = request(**LAB, username="u", password="p", project_name="nfv", cert_verify="False").vim

    assert dict(found.auth_cred) == {"username": "u", "password": "p", "user_domain_name": "", "cert_verify": "False"}
    assert dict(found.vim_project) == {"name": "nfv", "project_domain_name": ""}


def test_what_a_list_of_vims_shows_besides_is_left_out() -> None:
    shown = {"status": "REACHABLE", "monitor": {"state": "RUNNING"}, "etag": "x", "revision": "7", "round_trip": None}

    assert request(**LAB, **shown) == request(**LAB)


def test_the_request_id_follows_from_the_content_but_not_from_its_secrets() -> None:
    one = request(**LAB, auth_cred={"password": "one"}, extra={"a": 1, "b": 2})
    other = request(**LAB, auth_cred={"password": "other"}, extra={"b": 2, "a": 1})

    assert one.request_id == other.request_id
    assert one.request_id != request(**LAB, extra={"a": 1, "b": 3}).request_id
    with_password = request(name="lab", auth_url=f"http://user:{SECRET}@10.0.0.5:5000/v3")
    assert with_password.request_id == request(**LAB).request_id
    assert SECRET not in with_password.vim.auth_url


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ({"auth_url": "http://a"}, "name: is required"),
        ({"name": "a"}, "auth_url: is required"),
        ({**LAB, "colour": "red"}, "'colour' is unknown; known fields: name, "),
        ({**LAB, "authurl": "http://a"}, "'authurl' is unknown; did you mean auth_url?"),
        ({"name": "lab", 7: "red"}, "'7' is unknown"),
        ({**LAB, "project": "a", "project_id": "b"}, "are the same"),
        ({**LAB, "name": 7}, 'name must be a string: write it in quotes, as in name: "..."'),
        ({**LAB, "type": "vmware"}, "vim.type"),
        ({**LAB, "auth_url": "nowhere"}, "vim.auth_url"),
        ({**LAB, "extra": "text"}, "extra must be a mapping"),
        ({**LAB, "extra": {7: 1}}, "a field name that is not a string"),
        ({**LAB, "extra": {"day": object()}}, "extra holds values that JSON cannot"),
        ({**LAB, "auth_cred": {"password": "***"}}, "none is stored"),
        ({**LAB, "name": "\ud800"}, "cannot be sent"),
        ({**LAB, "is_default": "perhaps"}, "is_default must be true or false"),
        ({**LAB, "engine": "nowhere"}, "engine: must be one of"),
        ({**LAB, "id": "7"}, "vim_id"),
        ({**LAB, "vantages": {"eu": 1}}, "vantages must be a list"),
        ({**LAB, "vantages": ["the moon"]}, "vantage: must be 1 to 63"),
        ({**LAB, "interval": "soon"}, "interval: must be a duration"),
        ({**LAB, "interval": "9" * 400}, "interval: is longer than"),
        ({**LAB, "fail_for": "-1s"}, "fail_for: must be a duration"),
        ({**LAB, "fail_for": float("nan")}, "fail_for: must be a duration"),
        ({**LAB, "fail_for": float("inf")}, "fail_for: must be a duration"),
        ({**LAB, "fail_for": "61m"}, "vim.probe_policy.fail_for"),
        ({**LAB, "fall": 11}, "fall: must be from 1 to 10"),
        ({**LAB, "fall": "many"}, "fall must be a whole number"),
        ({**LAB, "interval": "1s", "timeout": "1s"}, "timeout must be shorter than interval"),
        ({**LAB, "probe_policy": {"colour": 1}}, "probe_policy.colour is unknown; known fields: method, interval"),
        ({**LAB, "probe_policy": {"timout": 1}}, "probe_policy.timout is unknown; did you mean timeout?"),
        ({**LAB, "probe_policy": {"fall": 1}, "fall": 2}, "are the same"),
        ({**LAB, "username": "u"}, "is missing"),
        ({**LAB, "username": "u", "auth_cred": {}}, "are mutually exclusive"),
    ],
)
def test_what_no_conductor_would_take_is_named(content: Mapping[object, object], complaint: str) -> None:
    with pytest.raises(RejectedEntry) as unfit:
        EntryReader().prepare(FileEntry(1, content))

    assert complaint in str(unfit.value)
    assert "--" not in str(unfit.value)
