"""The samples of samples/README.md at a secured fleet, each with a certificate of its own, while conductors die."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.samples.language_samples import CALLS, LANGUAGES, NODE, built_program, program_in
from tests.support.callers.running import Fleet, Running, fleet, running
from vimesh.certificates.certificate_folder import CertificateFolder
from vimesh.certificates.file_generations import replace_files
from vimesh.certificates.spiffe_ids import Role, SpiffeId
from vimesh.client import Client
from vimesh.files.certificate_files import CERTIFICATE, KEY, TRUSTED
from vimesh.v1 import vim_pb2

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(400)]

_PATIENCE_S = 60
_REPORTER = SpiffeId("vimesh", Role.BRIDGE, "samples")
_ADMINISTRATOR = SpiffeId("vimesh", Role.CLI, "admin.local")
_SUCCESSOR = SpiffeId("vimesh", Role.CLI, "admin.successor")
Vim, Event = vim_pb2.Vim, vim_pb2.VimEvent


@dataclass
class Story:
    """What one language's sample did."""

    watcher: Running
    reporter: Running | None = None
    vim_id: str = ""
    events: list[vim_pb2.VimEvent] = field(default_factory=list)
    failure: AssertionError | None = None

    @property
    def printed(self) -> list[str]:
        return [line for line in self.watcher.lines if line[:1].isdigit()]

    @property
    def expected(self) -> list[str]:
        first, *later = self.events
        return [
            f"{first.revision} REGISTERED PENDING {self.vim_id}",
            *(
                f"{one.revision} {Event.Kind.Name(one.kind)} {Vim.Status.Name(one.status)} {one.reason}".rstrip()
                for one in later
            ),
        ]


class Stories:
    """The stories of all languages that are to be had here go on together: a fleet and its deaths cost most."""

    def __init__(self) -> None:
        self.of = dict[str, Story]()

    def each(self, step: Callable[[Story], object]) -> None:
        """Take a step in each story that has not failed yet."""
        for story in self.of.values():
            if story.failure is None:
                try:
                    step(story)
                except AssertionError as failure:
                    story.failure = failure


@dataclass(frozen=True)
class SecuredSite:
    up: Fleet
    certificates: CertificateFolder

    @property
    def administrator(self) -> Path:
        """The credentials of whom `vimesh up` calls so."""
        return self.certificates.folder_of(_ADMINISTRATOR)

    def issue(self, identity: SpiffeId) -> Path:
        """Issue a certificate for a day; return its folder."""
        self.certificates.issue(identity, (), timedelta(days=1), datetime.now(UTC))
        return self.certificates.folder_of(identity)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Generator[SecuredSite]:
    folder = tmp_path_factory.mktemp("languages")
    with fleet(folder, "--secured", "--conductors", "2", VIMESH_CONDUCTOR_CONTACT_WITHIN="2s") as up:
        yield SecuredSite(up, CertificateFolder(up.data_dir / "certs"))


@pytest.fixture(scope="module")
def stories(site: SecuredSite, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stories]:
    folder = tmp_path_factory.mktemp("samples")
    up, reporter = site.up, site.issue(_REPORTER)
    with ExitStack() as stack:
        opened = Client.connect(up.address, credentials=site.administrator, timeout_s=_PATIENCE_S, environment={})
        vims = stack.enter_context(opened).vims
        told = Stories()
        for language in LANGUAGES:
            if program := program_in(language):
                here = {"VIMESH_ADDRESS": up.address, "VIMESH_CREDENTIALS": str(site.administrator)}
                command = ("register", "http://127.0.0.1:9/v3")
                told.of[language] = Story(stack.enter_context(running(folder, *command, program=program, **here)))

        def start_reporter(story: Story) -> None:
            story.vim_id = story.watcher.line_with("REGISTERED PENDING", within_s=_PATIENCE_S).split()[-1]
            here = {"VIMESH_ADDRESS": up.address, "VIMESH_CREDENTIALS": str(reporter)}
            program = story.watcher.process.args[:-2]  # type: ignore[index]  # a list
            story.reporter = stack.enter_context(running(folder, "report", story.vim_id, program=program, **here))  # type: ignore[arg-type]  # the same

        told.each(start_reporter)
        told.each(lambda story: story.watcher.line_with("STATUS_CHANGED REACHABLE", within_s=_PATIENCE_S))
        for pid in conductors_of(up):
            os.kill(pid, signal.SIGKILL)
        told.each(lambda story: story.watcher.line_with("goes on after", within_s=_PATIENCE_S))
        told.each(lambda story: vims.modify(story.vim_id, Vim(description="changed while nobody watched")))
        told.each(lambda story: story.watcher.line_with("MODIFIED", within_s=_PATIENCE_S))
        # A new target has a new ping action: the one that reports is not wanted any more.
        told.each(lambda story: vims.modify(story.vim_id, Vim(auth_url="http://127.0.0.1:10/v3")))
        told.each(lambda story: end(story.reporter))
        told.each(lambda story: vims.deregister(story.vim_id))
        told.each(lambda story: end(story.watcher))
        told.each(lambda story: story.events.extend(reversed([*vims.events(story.vim_id)])))
        yield told


def conductors_of(up: Fleet) -> Iterator[int]:
    return (int(part["pid"]) for part in up.state["processes"] if part["name"].startswith("conductor"))


def end(sample: Running | None) -> None:
    assert sample is not None
    assert sample.ended(_PATIENCE_S) == 0, sample.lines


@pytest.fixture(params=LANGUAGES)
def story(request: pytest.FixtureRequest, stories: Stories) -> Story:
    built_program(request.param)
    story = stories.of[request.param]
    if story.failure is not None:
        raise story.failure
    return story


def test_each_change_is_printed_exactly_once_although_conductors_die(story: Story) -> None:
    kinds = [Event.Kind.Name(one.kind) for one in story.events]

    assert [kinds[0], kinds[1], kinds[-1]] == ["REGISTERED", "STATUS_CHANGED", "DEREGISTERED"]
    assert kinds.count("MODIFIED") == 2
    assert story.printed == story.expected


def test_a_ping_action_reports_with_its_certificate_until_it_is_not_wanted(story: Story) -> None:
    reachable = next(one for one in story.events if one.kind == Event.STATUS_CHANGED)

    assert (reachable.status, reachable.actor) == (Vim.REACHABLE, str(_REPORTER))
    assert story.reporter is not None
    assert story.reporter.lines[-1] == "bad_action: not wanted any more"


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in (CERTIFICATE, KEY, TRUSTED)}


def test_the_typescript_client_shows_new_credentials_and_keeps_its_watch(site: SecuredSite, tmp_path: Path) -> None:
    built_program("typescript")
    present, new = contents(site.administrator), contents(site.issue(_SUCCESSOR))
    (credentials := tmp_path / "credentials").mkdir()
    replace_files(credentials, present)
    here = {"VIMESH_ADDRESS": site.up.address, "VIMESH_CREDENTIALS": str(credentials)}
    with running(tmp_path, "renewal", "successor", program=(NODE, CALLS), **here) as calls:
        calls.line_with(str(_ADMINISTRATOR), within_s=_PATIENCE_S)
        # Of no use: calls go on with the former ones.
        replace_files(credentials, new | {KEY: b"no key"})
        calls.line_with("bad", within_s=_PATIENCE_S)
        replace_files(credentials, new)
        calls.line_with(str(_SUCCESSOR), within_s=_PATIENCE_S)
        end(calls)

    assert calls.lines[-1] == '{"ended":"the watch is open"}'
