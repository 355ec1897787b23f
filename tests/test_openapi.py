"""The OpenAPI description of the JSON door is valid, and describes the door that there is."""

from __future__ import annotations

import re

from openapi_spec_validator import validate

from docs.generator.make_reference import OPENAPI_FILE
from docs.generator.openapi_document import openapi_document
from vimesh.envoy.doors.json_door import JSON_PATHS, MAX_DESCRIPTION_BYTES

_PLACEHOLDER = re.compile(r"\{[^}]+\}")


def test_the_description_is_valid() -> None:
    validate(openapi_document())


def test_the_description_has_the_paths_that_the_front_routes() -> None:
    described = {
        (_PLACEHOLDER.sub("[^/]+", path), verb.upper())
        for path, operations in openapi_document()["paths"].items()
        for verb in operations
    }

    assert described == {(path, verb) for path, verbs in JSON_PATHS for verb in verbs}


def test_envoy_takes_a_description_of_this_size() -> None:
    assert OPENAPI_FILE.stat().st_size < MAX_DESCRIPTION_BYTES


def test_what_a_path_names_is_not_in_the_body_too() -> None:
    """The front refuses that."""
    twice = {
        (path, parameter["name"])
        for path, operations in openapi_document()["paths"].items()
        for operation in operations.values()
        if "requestBody" in operation
        for parameter in operation["parameters"]
        if parameter["name"] in operation["requestBody"]["content"]["application/json"]["schema"].get("properties", ())
    }

    assert not twice


def test_bounds_of_the_contract_are_told() -> None:
    document = openapi_document()
    schemas, receiver = document["components"]["schemas"], document["components"]["schemas"]["Receiver"]["properties"]

    assert schemas["Vim"]["properties"]["name"]["maxLength"] == 255
    assert schemas["Vim"]["properties"]["revision"]["readOnly"] is True
    assert schemas["Vim"]["properties"]["type"]["enum"] == ["openstack", "kubernetes", ""]
    assert receiver["group_by"]["maxItems"] == 5
    assert receiver["group_by"]["items"] == {"type": "string", "minLength": 1, "maxLength": 324}
    assert schemas["CreateMaintenanceWindowRequest"]["required"] == ["window"]
    vim_id, *_ = document["paths"]["/v1/vims/{vim_id}"]["get"]["parameters"]
    assert (vim_id["required"], vim_id["schema"]) == (True, {"type": "string", "format": "uuid"})
