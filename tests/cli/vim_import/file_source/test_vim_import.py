"""vimesh vim import against a conductor."""

from __future__ import annotations

import asyncio
import json
import re
import stat
from collections.abc import Generator, Mapping
from pathlib import Path

import pytest

from tests.support.callers.commands import Command, Ended
from tests.support.callers.running import Running, running
from tests.support.deployments.conductor_process import Conductor, conductor_in
from tests.support.timing.waiting import until

URL = "http://127.0.0.1:9/v3"
SECRET = "s3cret-word"
MANY, SOME = 8_000, 1_001
"""SOME: more than what is under way at once, so that the fleet has answered when they are there."""


@pytest.fixture
def conductor(tmp_path: Path) -> Generator[Conductor]:
    (folder := tmp_path / "conductor").mkdir()
    with conductor_in(folder) as serving:
        yield serving


@pytest.fixture
def vimesh(conductor: Conductor, tmp_path: Path) -> Command:
    return conductor.user(tmp_path)


def entry(name: str, **fields: object) -> dict[str, object]:
    return {"name": name, "auth_url": URL, "auth_cred": {"username": "u", "password": SECRET}, **fields}


def write(folder: Path, *vims: Mapping[str, object], name: str = "vims.jsonl") -> str:
    (folder / name).write_text("".join(json.dumps(vim) + "\n" for vim in vims))
    return name


def take(vimesh: Command, *vims: Mapping[str, object], flags: tuple[str, ...] = ()) -> Ended:
    return vimesh("vim", "import", write(vimesh.folder, *vims), "-o", "json", *flags)


def names(vimesh: Command) -> set[str]:
    return {vim["name"] for vim in vimesh("vim", "list", "-o", "json").json}


def test_all_are_registered_and_a_second_time_they_are_there(vimesh: Command, conductor: Conductor) -> None:
    vims = [entry(f"vim-{number}", extra={"number": number}) for number in range(1200)]

    done = take(vimesh, *vims)
    again = take(vimesh, *vims)

    # On a slow machine, lines before it tell of the progress.
    assert (done.code, done.err.splitlines()[-1]) == (0, "1200 VIMs: 1200 registered")
    assert done.json == {"registered": 1200, "present": 0, "refused": [], "invalid": [], "not_done": 0}
    assert (again.code, again.err.splitlines()[-1]) == (0, "1200 VIMs: 1200 already present")
    assert conductor.count() == 1200
    shown = vimesh("vim", "show", "vim-7", "-o", "json").json
    assert shown["extra"] == {"number": 7}
    assert conductor.secrets_of(shown["id"]) == {"username": "u", "password": SECRET}


def test_what_others_have_registered_is_compared(vimesh: Command) -> None:
    for name in ("same", "other"):
        assert vimesh("vim", "register", name, "--auth-url", URL).code == 0
    vims: list[dict[str, object]] = [
        {"name": "same", "auth_url": URL},
        {"name": "other", "auth_url": URL, "description": "x", "fall": 7},
    ]

    done = take(vimesh, *vims, entry("new"))

    assert done.code == 4
    assert (done.json["registered"], done.json["present"]) == (1, 1)
    [refused] = done.json["refused"]
    assert (refused["line"], refused["name"], refused["project_id"]) == (2, "other", "default")
    assert "(NAME_TAKEN)" in refused["why"]
    assert refused["why"].endswith("which differs in description, probe_policy")


def test_other_credentials_are_no_repeat(vimesh: Command, conductor: Conductor) -> None:
    assert take(vimesh, entry("lab")).code == 0

    done = take(vimesh, entry("lab", auth_cred={"username": "u", "password": "another"}))

    assert done.code == 4
    assert done.json["refused"][0]["why"].endswith("which differs in auth_cred")
    vim_id = vimesh("vim", "show", "lab", "-o", "json").json["id"]
    assert conductor.secrets_of(vim_id)["password"] == SECRET


def test_one_that_was_deregistered_is_registered_anew(vimesh: Command) -> None:
    assert take(vimesh, entry("lab"), entry("edge")).code == 0
    assert vimesh("vim", "deregister", "lab").code == 0

    done = take(vimesh, entry("lab"), entry("edge"))

    assert (done.code, done.err) == (0, "2 VIMs: 1 registered, 1 already present\n")
    assert names(vimesh) == {"lab", "edge"}


def test_rejects_can_be_mended_and_imported(vimesh: Command) -> None:
    assert vimesh("vim", "register", "taken", "--auth-url", f"{URL}/other").code == 0
    taken = entry("taken", probe_policy={"method": "PING", "interval": "2s"}, id="b0b1a5c0-0000-4000-8000-000000000000")
    flags = ("--skip-invalid", "--rejects", "rejects.jsonl")

    done = take(vimesh, taken, entry("unfit", fall=11), entry("fit", engine="external"), flags=flags)

    assert done.code == 4
    counts, hint = done.err.splitlines()[-2:]
    assert counts == "3 VIMs: 1 registered, 1 refused, 1 invalid"
    assert hint == "hint: to change an existing VIM: vimesh vim set NAME ..."
    assert [found["line"] for found in done.json["invalid"]] == [2]
    rejects = vimesh.folder / "rejects.jsonl"
    assert stat.S_IMODE(rejects.stat().st_mode) == 0o600
    unfit, refused = (json.loads(line) for line in rejects.read_text().splitlines())
    assert unfit == {"rejected": unfit["rejected"], **entry("unfit", fall=11)}
    assert "(NAME_TAKEN)" in refused["rejected"]
    write(vimesh.folder, {**unfit, "fall": 5}, {**refused, "name": "free"}, name="mended.jsonl")
    again = vimesh("vim", "import", "mended.jsonl", "--rejects", "rejects.jsonl")
    assert (again.code, again.err) == (0, "2 VIMs: 2 registered\n")
    assert rejects.read_text() == ""
    shown = vimesh("vim", "show", "b0b1a5c0-0000-4000-8000-000000000000", "-o", "json").json
    assert (shown["name"], shown["probe_policy"]["interval"]) == ("free", "2s")


def test_a_table_shows_what_was_refused_and_no_secret_is_ever_said(vimesh: Command) -> None:
    assert vimesh("vim", "register", "lab", "--default", "--auth-url", URL).code == 0
    file = write(vimesh.folder, entry("lab"), entry("edge", is_default=True), entry("\u202eodd", fall=SECRET))

    done = vimesh("vim", "import", file, "--skip-invalid")

    assert done.code == 4
    lines = done.out.splitlines()
    assert re.match(r"LINE +NAME +PROJECT +REFUSED", lines[0])
    assert re.match(r"1 +lab +default .*\(NAME_TAKEN\)", lines[1])
    assert re.match(r"2 +edge +default .*\(DEFAULT_TAKEN\)", lines[2])
    assert done.err.endswith("; to save the refused VIMs: --rejects FILE\n")
    assert SECRET not in done.out + done.err


def test_what_was_listed_can_be_imported_elsewhere(vimesh: Command, tmp_path: Path) -> None:
    assert (
        take(vimesh, entry("lab", auth_cred={"username": "u"}, probe_policy={"fail_for": "6s"}, is_default=True)).code
        == 0
    )
    (tmp_path / "list.json").write_text(vimesh("vim", "list", "-o", "json").out)
    (folder := tmp_path / "elsewhere").mkdir()
    with conductor_in(folder) as elsewhere:
        done = elsewhere.user(tmp_path)("vim", "import", "list.json")
        assert (done.code, done.err) == (0, "1 VIM: 1 registered\n")
        there = elsewhere.user(tmp_path)("vim", "show", "lab", "-o", "json").json
    here = vimesh("vim", "show", "lab", "-o", "json").json
    same = ("id", "name", "auth_cred", "probe_policy", "is_default")
    assert [there[field] for field in same] == [here[field] for field in same]
    assert there["probe_policy"]["fail_for"] == "6s"


@pytest.fixture
def importing(conductor: Conductor, tmp_path: Path) -> Generator[Running]:
    """Give an import that is under way, and not near its end."""
    file = write(tmp_path, *(entry(f"vim-{number}") for number in range(MANY)))
    with running(tmp_path, "vim", "import", file, VIMESH_ADDRESS=conductor.address) as command:
        asyncio.run(until(lambda: conductor.count() >= SOME, 30))
        yield command


def test_ctrl_c_ends_it_and_the_next_one_goes_on(importing: Running, conductor: Conductor, tmp_path: Path) -> None:
    importing.interrupt()

    assert importing.ended() == 130
    said = "\n".join(importing.lines)
    counts = re.search(rf"{MANY} VIMs: (\d+) registered, (\d+) not done", said)
    assert counts is not None, said
    assert int(counts[1]) == conductor.count()
    assert "run the same command again to continue" in said
    assert "Traceback" not in said
    again = conductor.user(tmp_path)("vim", "import", "vims.jsonl")
    assert (again.code, again.err.splitlines()[-1]) == (
        0,
        f"{MANY} VIMs: {counts[2]} registered, {counts[1]} already present",
    )


def test_a_conductor_that_goes_away_is_waited_for(importing: Running, conductor: Conductor) -> None:
    conductor.process.kill()
    conductor.process.wait(10)
    with conductor_in(conductor.folder, port=int(conductor.address.rpartition(":")[2])) as back:
        assert importing.ended() == 0, "\n".join(importing.lines)
        assert back.count() == MANY
        assert re.search(rf"{MANY} VIMs: \d+ registered", importing.lines[-1])


def test_one_that_stays_away_ends_it(conductor: Conductor, tmp_path: Path) -> None:
    file = write(tmp_path, *(entry(f"vim-{number}") for number in range(MANY)))
    with running(tmp_path, "vim", "import", file, "--give-up", "1s", VIMESH_ADDRESS=conductor.address) as command:
        asyncio.run(until(lambda: conductor.count() >= SOME, 30))
        conductor.process.kill()

        assert command.ended() == 5
        assert re.search(rf"{MANY} VIMs: \d+ registered, \d+ not done", "\n".join(command.lines))
        assert "run the same command again to continue" in command.lines[-1]


def test_ctrl_c_ends_the_wait_for_a_fleet_that_is_away(importing: Running, conductor: Conductor) -> None:
    conductor.process.kill()
    importing.line_with("waiting, ")

    importing.interrupt()

    assert importing.ended(20) == 130
    assert "error: interrupted" in "\n".join(importing.lines)
