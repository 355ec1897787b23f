"""The Python in the documents does what they show, against a conductor to which every VIM is reported as reachable."""

from __future__ import annotations

import ast
import asyncio
import inspect
import io
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from tests.docs.shell_blocks import DOCUMENTS, ROOT, Block, blocks, is_as_shown, masked
from tests.support.deployments.conductors import Client as Conductor
from tests.support.deployments.conductors import conductor_at
from vimesh.client import AsyncClient, Vim, VimEvent
from vimesh.v1 import vim_service_pb2 as pb

_PROGRAMS = ("asyncio.run(", "with Client.connect(")
"""What makes a block a program. The others go on in one program, in which `vimesh` is an open client."""


def _has_python(document: Path) -> bool:
    return any(block.language == "python" for block in blocks(document))


@asynccontextmanager
async def reachable_vims(conductor: Conductor) -> AsyncGenerator[None]:
    """Report each VIM as reachable as soon as it is registered."""
    watches = asyncio.Event()

    async def report() -> None:
        async for answer in conductor.vims.WatchVims(pb.WatchVimsRequest()):
            watches.set()
            for event in answer.events:
                if event.kind == VimEvent.REGISTERED:
                    await conductor.report(event.vim, Vim.REACHABLE, 1)

    reporting = asyncio.create_task(report())
    try:
        # A VIM that is registered before is in the list at the start of the watch, and no event.
        async with asyncio.timeout(30):
            await watches.wait()
        yield
    finally:
        reporting.cancel()
        await asyncio.gather(reporting, return_exceptions=True)


async def came_of(block: Block, shared: dict[str, object]) -> str:
    """Run a block; return what it printed."""
    source, output = "\n".join(block.lines), io.StringIO()
    # The conductor logs to standard output meanwhile.
    tell = partial(print, file=output)
    is_program = any(word in source for word in _PROGRAMS)
    flags = 0 if is_program else ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    code = compile(source, block.place, "exec", flags=flags, dont_inherit=True)
    shared["print"] = tell
    if is_program:
        await asyncio.to_thread(exec, code, {"__name__": "__main__", "print": tell})
    elif inspect.isawaitable(running := eval(code, shared)):
        await running
    return output.getvalue()


@pytest.mark.parametrize(
    "document", [page for page in DOCUMENTS if _has_python(page)], ids=lambda page: str(page.relative_to(ROOT))
)
async def test_python_in_a_document_prints_what_it_shows(
    document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with conductor_at(tmp_path / "vimesh.sqlite") as conductor, reachable_vims(conductor):
        monkeypatch.setenv("VIMESH_ADDRESS", conductor.address)
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        monkeypatch.delenv("VIMESH_CREDENTIALS", raising=False)
        async with AsyncClient.connect() as vimesh:
            shared: dict[str, object] = {"vimesh": vimesh, "Vim": Vim, "VimEvent": VimEvent}
            for block, following in pairwise([*blocks(document), None]):
                if block is not None and block.language == "python":
                    came = await asyncio.wait_for(came_of(block, shared), 30)
                    shown = following.lines if following is not None and following.language == "text" else ()
                    text = "\n".join(shown)
                    assert is_as_shown(text, came, {}), f"{block.place}: {masked(text)}\nis not\n{masked(came)}"
