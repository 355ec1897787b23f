"""What is wrong with a request is reported in the order of the contract."""

from __future__ import annotations

import pytest

from vimesh.domain.errors import BadInput
from vimesh.domain.vims import Engine
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.wire import request_messages


def test_of_a_bad_address_and_a_bad_policy_the_address_is_reported() -> None:
    request = pb.RegisterVimRequest()
    request.vim.name, request.vim.type, request.vim.auth_url = "lab", "openstack", "http://:5000"
    request.vim.probe_policy.timeout.FromSeconds(20)

    with pytest.raises(BadInput, match="auth_url"):
        request_messages.registration(request, Engine.EMBEDDED)


def test_all_that_a_new_vim_lacks_is_named_at_once() -> None:
    with pytest.raises(BadInput) as refused:
        request_messages.registration(pb.RegisterVimRequest(), Engine.EMBEDDED)

    assert [violation.field for violation in refused.value.violations] == ["vim.name", "vim.type", "vim.auth_url"]


def test_of_an_empty_name_and_a_bad_policy_the_name_is_reported() -> None:
    request = pb.ModifyVimRequest()
    request.vim.probe_policy.timeout.FromSeconds(20)

    with pytest.raises(BadInput, match=r"vim\.name"):
        request_messages.modification(request, frozenset(("name", "probe_policy")))
