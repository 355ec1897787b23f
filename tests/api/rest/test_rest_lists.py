"""Lists over HTTP, with a real conductor behind: filters, fields, pages, events."""

from __future__ import annotations

from urllib.parse import quote, urlsplit
from uuid import UUID

import pytest

from tests.support.deployments.conductors import Client
from tests.support.deployments.rest_doors import Door, door_to, refusal, scripted
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1 import vim_service_pb2_grpc
from vimesh.v1.vim_pb2 import Vim, VimEvent

QUOTED = 'q"\\ AND'
STRANGER = "a76cd7ce-64bc-4d1f-9c77-61f1f8d5e9d3"


async def test_filters_are_exact_and_combine(door: Door, client: Client) -> None:
    a = await door.register(name="a", is_default=True, description="x")
    await door.register(name="b", tenant_id="blue", type="kubernetes")
    await door.register(name="a*", description="x y")
    await door.register(name=QUOTED, auth_url="http://127.0.0.1:1/*")
    await client.report(await client.get(a["id"]), Vim.REACHABLE)

    queries = {
        "": ["a", "b", "a*", QUOTED],
        "name=a": ["a"],
        "name=a*": ["a*"],
        "name=*": [],
        "name=a&name=b": ["a", "b"],
        "name=A": [],
        f"name={quote(QUOTED)}": [QUOTED],
        f"id={a['id'].upper()}": ["a"],
        f"id={a['id']}&id={STRANGER}": ["a"],
        f"id={a['id']}&name=b": [],
        "id=lab": [],
        "status=REACHABLE": ["a"],
        "status=reachable": [],
        "status=ERROR": [],
        "type=kubernetes": ["b"],
        "tenant_id=blue": ["b"],
        "project_id=blue": ["b"],
        "is_default=True": ["a"],
        "is_default=false&type=openstack": ["a*", QUOTED],
        "description=x": ["a"],
        f"auth_url={quote('http://127.0.0.1:1/*')}": [QUOTED],
        "name=&sort_key=name": ["a", "b", "a*", QUOTED],
        "name=%00": [],
        f"name={'x' * 300}": [],
    }
    for query, expected in queries.items():
        assert await door.names(query) == expected, query

    assert await door.vims("name=a&fields=id&fields=nonsense") == [{"id": a["id"]}]


async def test_what_cannot_be_filtered_by_is_refused(door: Door) -> None:
    for query, said in {
        "nmae=a": "'nmae' cannot be filtered by",
        "auth_cred=a": "'auth_cred' cannot be filtered by",
        "is_default=perhaps": "Invalid input for is_default. Reason: 'perhaps' cannot be converted to boolean.",
        "limit=-1": "Limit must be an integer 0 or greater and not '-1'",
        "marker=nonsense": "Invalid input for marker. Reason: not a token of this query;",
        f"marker={STRANGER}": f"Invalid input for marker. Reason: no VIM of this list has the id {STRANGER}.",
    }.items():
        status, type_, message = refusal(await door.send("GET", f"vims?{query}"))
        assert (status, type_) == (400, "HTTPBadRequest")
        assert message.startswith(said)


@pytest.mark.parametrize("query", ["limit=2", "limit=2&description=x"])
async def test_a_list_with_a_limit_leads_to_its_rest(door: Door, query: str) -> None:
    names = [f"vim-{number}" for number in range(5)]
    ids = [(await door.register(name=name, description="x"))["id"] for name in names]
    await door.register(name="other", description="y", tenant_id="blue")
    path, pages = f"vims?{query}&tenant_id=default", []
    while path:
        page = (await door.send("GET", path)).json()
        assert isinstance(page["vims"], list)
        pages.append([vim["name"] for vim in page["vims"]])
        links = page.get("vims_links")
        assert links is None or isinstance(links, list)
        link = urlsplit(links[0]["href"]) if links else None
        path = f"{link.path.removeprefix('/v1.0/')}?{link.query}" if link else ""

    assert [name for page in pages for name in page] == names
    assert max(map(len, pages)) == 2
    # As Tacker's users write it: the marker is the last id that they saw.
    assert await door.names(f"limit=2&marker={ids[1]}&tenant_id=default") == names[2:4]
    assert await door.names(f"marker={ids[1].upper()}&tenant_id=default") == names[2:]


async def test_a_list_of_many_pages_is_complete(door: Door, client: Client) -> None:
    # A page ends at about 1 MiB: these need three.
    names = [f"vim-{number:02}" for number in range(40)]
    for name in names:
        vim = await client.register(name=name)
        await door.change(vim.id, extra={"text": "x" * 60_000})

    assert await door.names("") == names
    assert await door.names("fields=name") == names


async def test_events_tell_the_life_of_a_vim(door: Door, client: Client) -> None:
    vim_id = (await door.register())["id"]
    await client.report(await client.get(vim_id), Vim.UNREACHABLE, reason="REFUSED", detail="port 5000")
    await door.change(vim_id, description="x")
    await door.send("DELETE", f"vims/{vim_id}")
    await door.register(name="other")

    answer = await door.send("GET", f"events.json?resource_type=vim&resource_id={vim_id}")
    events = answer.json()["events"]
    assert isinstance(events, list)
    assert [(event["event_type"], event["resource_state"], event["event_details"]) for event in events] == [
        ("DELETE", "UNREACHABLE", "REFUSED: port 5000"),
        ("UPDATE", "UNREACHABLE", "REFUSED: port 5000"),
        ("MONITOR", "UNREACHABLE", "REFUSED: port 5000"),
        ("CREATE", "PENDING", ""),
    ]
    assert {type(event["id"]) for event in events} == {int}

    one = events[2]
    for path in (f"events/{one['id']}.json", f"events/{one['id']}"):
        assert (await door.send("GET", path)).json() == {"event": one}
    found = (await door.send("GET", f"events?id={one['id']}&fields=id")).json()
    assert found == {"events": [{"id": one["id"]}]}
    typed = (await door.send("GET", "events?event_type=CREATE&fields=resource_state")).json()
    assert typed == {"events": [{"resource_state": "PENDING"}] * 2}
    for query in ("resource_type=vnf", "resource_id=lab", "resource_state=REACHABLE", "id=1", "id=x", "name=x"):
        assert (await door.send("GET", f"events?{query}")).json() == {"events": []}, query


async def test_events_have_a_limit_and_those_that_are_not_there_are_missed(door: Door) -> None:
    for number in range(3):
        await door.register(name=f"vim-{number}")

    first = (await door.send("GET", "events?limit=2&fields=id")).json()
    assert first["events"] == [{"id": 4}, {"id": 3}]
    links = first["events_links"]
    assert isinstance(links, list)
    rest = await door.send("GET", f"events?{urlsplit(links[0]['href']).query}")
    assert rest.json() == {"events": [{"id": 2}]}
    # As Tacker's users write it, too.
    assert (await door.send("GET", "events?marker=4&fields=id")).json() == {"events": [{"id": 3}, {"id": 2}]}
    several = await door.send("GET", "events?id=2&id=4&id=x&fields=id")
    assert several.json() == {"events": [{"id": 4}, {"id": 2}]}
    for event_id in ("0", "1", "5", "6", "x", "-1", "9" * 19, "9" * 30):
        said = f"no event has the id {event_id}"
        assert refusal(await door.send("GET", f"events/{event_id}.json")) == (404, "EventNotFoundException", said)


class Long(vim_service_pb2_grpc.VimServiceServicer):
    """A conductor with 600 VIMs and as many events, which notes how often it is asked."""

    asked = 0

    def _page(self, size: int, token: str) -> tuple[range, str]:
        self.asked += 1
        begin = int(token or 0)
        end = min(begin + size, 600)
        return range(begin, end), str(end) if end < 600 else ""

    async def ListVims(self, request: pb.ListVimsRequest, _context: object) -> pb.ListVimsResponse:  # noqa: N802 - the RPC
        numbers, token = self._page(request.page_size, request.page_token)
        vims = [Vim(id=str(UUID(int=number)), description="" if number < 550 else "x") for number in numbers]
        return pb.ListVimsResponse(vims=vims, next_page_token=token)

    async def ListVimEvents(self, request: pb.ListVimEventsRequest, _context: object) -> pb.ListVimEventsResponse:  # noqa: N802 - the RPC
        numbers, token = self._page(request.page_size, request.page_token)
        events = [VimEvent(revision=600 - number, reason="" if number < 550 else "x") for number in numbers]
        return pb.ListVimEventsResponse(events=events, next_page_token=token)


@pytest.mark.parametrize(
    ("query", "first", "second"),
    [("vims?description=x", str(UUID(int=550)), str(UUID(int=551))), ("events?event_details=x", 50, 49)],
)
async def test_a_small_limit_asks_seldom_though_few_fit(query: str, first: object, second: object) -> None:
    kind = query.partition("?")[0]
    long = Long()  # type: ignore[abstract]  # the other calls are not made
    async with scripted(long) as conductor, door_to(conductor) as door:
        page = (await door.send("GET", f"{query}&limit=1&fields=id")).json()
        assert page[kind] == [{"id": first}]
        assert long.asked <= 11
        links = page[f"{kind}_links"]
        assert isinstance(links, list)
        rest = (await door.send("GET", f"{kind}?{urlsplit(links[0]['href']).query}")).json()
        assert rest[kind] == [{"id": second}]
