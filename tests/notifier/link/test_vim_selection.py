"""A notifier decides as a conductor does which VIMs a filter selects."""

from __future__ import annotations

import pytest

from tests.support.deployments.conductors import Client
from vimesh.domain.filters.filter_fields import SETTABLE_FIELDS
from vimesh.notifier.link.vim_selection import VimSelection
from vimesh.v1.vim_pb2 import Monitor, Vim
from vimesh.v1.vim_service_pb2 import ApplyVimsRequest, ListVimsRequest, VimToApply

_FILTERS = (
    "",
    'name = "lab*"',
    "type = kubernetes",
    "is_default = true",
    "auth_url : 8080",
    "engine = EMBEDDED",
    "engine = MISTRAL",
    "create_time > 2020-01-01",
    "create_time < 2020-01-01",
    "apply_set = ops",
    "apply_set != ops",
    "labels.region = eu",
    "labels.region != eu",
    'project_id = "default" AND (name = "prod" OR NOT labels.region:*)',
)


async def test_the_same_vims_are_selected_as_in_a_list(client: Client) -> None:
    await client.register(name="lab", labels={"region": "eu"}, is_default=True)
    await client.register(name="prod", type="kubernetes", auth_url="https://127.0.0.1:8080/", labels={"region": "us"})
    desired = Vim(name="lab-2", type="openstack", auth_url="http://127.0.0.1:9/")
    await client.vims.ApplyVims(ApplyVimsRequest(apply_set="ops", vims=[VimToApply(vim=desired)]), timeout=30)
    every = (await client.vims.ListVims(ListVimsRequest(), timeout=30)).vims
    assert len(every) == 3
    one_by_id = f'id = "{every[0].id}"'

    for text in (*_FILTERS, one_by_id):
        listed = (await client.vims.ListVims(ListVimsRequest(filter=text), timeout=30)).vims
        selection = VimSelection(text)
        assert {vim.id for vim in every if selection.selects(vim)} == {vim.id for vim in listed}, text


def test_all_that_filters_of_receivers_compare_is_tried_above() -> None:
    assert [name for name in SETTABLE_FIELDS if name not in " ".join((*_FILTERS, "id"))] == []


@pytest.mark.parametrize(
    ("text", "vim"),
    [("later = 1", Vim()), ("engine = MISTRAL", Vim(monitor=Monitor(engine=99)))],  # type: ignore[arg-type]
)
def test_in_doubt_a_vim_is_selected(text: str, vim: Vim) -> None:
    assert VimSelection(text).selects(vim)
