"""The embedded fleet in the foreground: how it starts, what it survives, and that it leaves nothing."""

from __future__ import annotations

import fcntl
import os
import re
import shlex
import signal
import socket
from pathlib import Path

import pytest

from tests.support.callers.commands import Command
from tests.support.callers.running import Fleet, ends_of, fleet, has_ended, running
from vimesh.cli.base.exits import Failure
from vimesh.cli.local_fleet.data_dir import locked

pytestmark = pytest.mark.fleet


def test_the_ready_block_can_be_typed(shared_fleet: Fleet, user: Command) -> None:
    said = "\n".join(shared_fleet.lines)

    assert f"export VIMESH_ADDRESS={shared_fleet.address}" in said
    assert f"curl {shared_fleet.address}/v1/vims" in said
    typed = [shlex.split(line)[1:] for line in shared_fleet.lines if re.match(r"  \S*vimesh vim", line)]
    assert [words[1] for words in typed] == ["register", "wait", "list", "watch"]
    register, wait, listing, _ = typed
    assert user(*register).code == 0
    assert wait[2:] == [register[2], "--for", "REACHABLE"]
    assert user(*listing).code == 0
    assert user("vim", "deregister", register[2]).code == 0


def test_the_ready_block_says_what_must_listen_and_what_is_not_installed(shared_fleet: Fleet) -> None:
    said = "\n".join(shared_fleet.lines)

    listener = re.search(r"http\.server (\d+) --bind (\S+)", said)
    assert listener is not None
    assert f"--auth-url http://{listener[2]}:{listener[1]}/" in said
    before, _, after = said.partition("# Not installed with vimesh: ")
    for command in ("grpcurl", "openstack"):
        assert f"\n  {command} -" not in before
        assert f"{command} (" in after
        assert f"\n  {command} -" in after


def test_processes_have_telling_command_lines_and_files_only_their_owner_reads(shared_fleet: Fleet) -> None:
    def command_line(name: str) -> str:
        return Path(f"/proc/{shared_fleet.pid_of(name)}/cmdline").read_text().replace("\0", " ")

    sockets = shared_fleet.data_dir / "sockets"
    own = re.escape(f"--listen unix:{sockets / 'conductor-1'} ")
    assert re.search(rf"vimesh conductor {own}.*--database-url sqlite:///", command_line("conductor-1"))
    # The fleet's own processes have a door of their own.
    door = f"unix:{sockets / 'reports'}"
    metrics = f"--metrics unix:{sockets / 'monitor.metrics'}"
    flags = f"--address {door} {metrics} --history --probe-allow 127.0.0.0/8,::1/128 "
    assert f"vimesh monitor {flags}" in command_line("monitor")
    metrics = f"--metrics unix:{sockets / 'notifier.metrics'}"
    flags = f"--address {door} {metrics} --target-allow 127.0.0.0/8,::1/128 "
    assert f"vimesh notify {flags}" in command_line("notifier")
    assert f"vimesh api --listen unix:{sockets / 'api'} --address {door}" in command_line("api")
    assert (sockets / "reports").stat().st_mode & 0o777 == 0o600
    assert "bootstrap.yaml" in command_line("envoy")
    assert (shared_fleet.data_dir / "credentials.key").stat().st_mode & 0o777 == 0o600
    assert shared_fleet.data_dir.stat().st_mode & 0o777 == 0o700


def test_the_ready_block_says_that_loopback_is_probed(shared_fleet: Fleet) -> None:
    assert "VIMs at loopback addresses are probed, too (127.0.0.0/8 and ::1)." in "\n".join(shared_fleet.lines)


def test_a_metadata_service_is_not_probed_and_the_vim_says_why(user: Command) -> None:
    name = "metadata"
    assert user("vim", "register", name, "--auth-url", "http://169.254.169.254/latest").code == 0

    assert user("vim", "wait", name, "--for", "UNKNOWN").code == 0

    shown = user("vim", "show", name, "-o", "json").json
    assert shown["reason"] == "LOCAL_DENIED"
    assert shown["detail"] == "cloud metadata addresses are not probed unless probe_allow names them"
    assert user("vim", "deregister", name).code == 0


def test_a_rule_wins_over_what_a_fleet_on_loopback_allows(tmp_path: Path) -> None:
    with fleet(tmp_path, "--conductors", "1", VIMESH_PROBE_DENY="127.0.0.0/9, 127.128.0.0/9") as up:
        assert "VIMs at loopback addresses are not probed" in "\n".join(up.lines)
        user = Command(tmp_path, {"VIMESH_ADDRESS": up.address})
        user("vim", "register", "a", "--auth-url", "http://127.0.0.1:9/v3")

        assert user("vim", "wait", "a", "--for", "UNKNOWN").code == 0

        shown = user("vim", "show", "a", "-o", "json").json
        assert (shown["reason"], shown["detail"]) == (
            "LOCAL_DENIED",
            "the rule probe_deny 127.0.0.0/9 forbids to probe this address",
        )


def test_a_taken_port_is_one_clear_line_and_leaves_nothing(vimesh: Command, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = vimesh("up", "--port", str(port))

    assert done.code == 1
    assert f"error: port {port} on 127.0.0.1 is in use" in done.err
    assert "--port" in done.err
    assert done.out == ""
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_there_is_left(vimesh: Command, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()

    assert vimesh("up", "--listen", "198.51.100.7", "--port", "7600", "--data-dir", "data").code == 1

    assert (tmp_path / "data").is_dir()


def test_a_lock_in_a_folder_that_is_being_removed_locks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def removed_meanwhile(_file: int, _how: int) -> None:
        (tmp_path / "lock").unlink()

    monkeypatch.setattr(fcntl, "flock", removed_meanwhile)

    with pytest.raises(Failure, match="was just removed by another fleet"), locked(tmp_path):
        pass


def test_a_second_fleet_in_the_same_folder_is_refused(shared_fleet: Fleet, vimesh: Command) -> None:
    done = vimesh("up", "--port", "0", "--data-dir", str(shared_fleet.data_dir))

    assert done.code == 1
    assert f"is in use by another fleet (pid {shared_fleet.state['pid']})" in done.err
    assert "--data-dir" in done.err
    assert shared_fleet.process.poll() is None


@pytest.mark.parametrize(
    ("flags", "environment", "said"),
    [
        (("--data-dir", "/dev/null/x"), {}, "the data directory /dev/null/x cannot be used"),
        ((), {"VIMESH_ENVOY": "/nonexistent/envoy"}, "VIMESH_ENVOY: /nonexistent/envoy is not an executable"),
        (("--database-url", "nonsense"), {}, "database_url: "),
        (("--listen", "198.51.100.7", "--port", "7600"), {}, "cannot listen on 198.51.100.7"),
        ((), {"VIMESH_PROBE_ALLOW": "here"}, "VIMESH_PROBE_ALLOW: must be an address or a network"),
        ((), {"VIMESH_UP_CONDUCTORS": "many"}, "VIMESH_UP_CONDUCTORS: must be a number from 1 to 64, not 'many'"),
    ],
)
def test_what_cannot_be_started_says_why(
    vimesh: Command, flags: tuple[str, ...], environment: dict[str, str], said: str
) -> None:
    done = vimesh("up", "--port", "0", *flags, **environment)

    assert done.code == 1
    assert f"error: {said}" in done.err


def test_ctrl_c_stops_everything_in_order_and_the_next_start_finds_the_data(tmp_path: Path) -> None:
    with fleet(tmp_path) as up:
        user = Command(tmp_path, {"VIMESH_ADDRESS": up.address})
        user("vim", "register", "kept", "--auth-url", "http://127.0.0.1:9/v3")
        with ends_of(up.pids()) as handles:
            up.interrupt()
            assert up.ended(within_s=10) == 0
            assert all(has_ended(handle, 0) for handle in handles)
        assert not (up.data_dir / "fleet.json").exists()
        assert "all processes have stopped" in up.lines[-1]

    with fleet(tmp_path, "--conductors", "1") as up:
        assert Command(tmp_path)("vim", "show", "kept", "--address", up.address).code == 0
        up.interrupt()
        up.line_with("stopping")
        up.interrupt()
        assert up.ended(within_s=5) == 0


def test_no_child_outlives_a_killed_up(tmp_path: Path) -> None:
    with fleet(tmp_path) as up, ends_of(up.pids()) as handles:
        assert len(handles) == 7  # two conductors, the front, the api, the monitor, the notifier and the console
        up.process.kill()

        assert all(has_ended(handle, 5) for handle in handles)


def test_killed_processes_are_replaced_and_calls_go_on(tmp_path: Path) -> None:
    with fleet(tmp_path) as up:
        user = Command(tmp_path, {"VIMESH_ADDRESS": up.address})
        assert user("vim", "register", "a", "--auth-url", "http://127.0.0.1:9/v3", "--wait", "UNREACHABLE").code == 0
        with running(tmp_path, "vim", "watch", **user.environment) as watch:
            watch.line_with(" a ", "is UNREACHABLE")
            before = up.pid_of("conductor-1")
            os.kill(before, signal.SIGKILL)
            up.line_with("conductor-1 was killed by SIGKILL; restarting in 0.")
            assert user("vim", "set", "a", "--description", "changed meanwhile").code == 0
            up.line_with("conductor-1 is back")
            assert up.pid_of("conductor-1") != before

            os.kill(up.pid_of("envoy"), signal.SIGKILL)
            up.line_with("envoy is back")
            os.kill(up.pid_of("monitor"), signal.SIGKILL)
            up.line_with("monitor was killed by SIGKILL")
            up.line_with("monitor started")
            assert user("vim", "deregister", "a").code == 0
            watch.line_with(" a ", "DEREGISTERED")

        assert any(line.startswith("no contact with the fleet since ") for line in watch.lines)
        assert [line.split()[2] for line in watch.lines if " a " in line] == ["is", "MODIFIED", "DEREGISTERED"]


def test_a_monitor_and_a_conductor_that_do_not_answer_are_replaced(tmp_path: Path) -> None:
    with fleet(tmp_path) as up:
        # From then on it is watched; the conductors served before.
        if not any("monitor started" in line for line in up.lines):
            up.line_with("monitor started")
        stopped = [up.pid_of("monitor"), up.pid_of("conductor-1")]
        with ends_of(stopped) as handles:
            for pid in stopped:
                os.kill(pid, signal.SIGSTOP)
            assert all(has_ended(handle, 30) for handle in handles)
        up.line_with("conductor-1 is back")
        user = Command(tmp_path, {"VIMESH_ADDRESS": up.address})
        registered = user("vim", "register", "a", "--auth-url", "http://127.0.0.1:9/v3", "--wait", "UNREACHABLE")
        assert registered.code == 0
        up.interrupt()
        assert up.ended() == 0

    told = [line for line in up.lines if "did not answer for" in line]
    named = [re.fullmatch(r".*\| (\S+) did not answer for 1\d\.\d s.*: restarting", line) for line in told]
    assert sorted(match[1] for match in named if match) == ["conductor-1", "monitor"]


def test_ctrl_c_before_everything_is_up_leaves_nothing(tmp_path: Path) -> None:
    with running(tmp_path, "up", "--port", "0", "--data-dir", "data") as up:
        up.line_with("starting in")
        up.interrupt()

        assert up.ended(within_s=10) == 0
        assert "all processes have stopped" in up.lines[-1]
    assert not (tmp_path / "data" / "fleet.json").exists()


def test_the_key_may_be_outside_the_data_directory(tmp_path: Path, vimesh: Command) -> None:
    assert vimesh("db", "make-key", str(tmp_path / "key")).code == 0

    flags = ("--conductors", "1", "--key-file", "credential:key")
    with fleet(tmp_path, *flags, CREDENTIALS_DIRECTORY=str(tmp_path)) as running_fleet:
        user = Command(tmp_path, {"VIMESH_ADDRESS": running_fleet.address})
        (tmp_path / "vim.yaml").write_text("auth_url: http://127.0.0.1:1/\nusername: u\npassword: p\nproject_name: n\n")
        assert user("vim", "register", "--name", "a", "--config-file", "vim.yaml").code == 0

    assert not (tmp_path / "data" / "credentials.key").exists()
    refused = vimesh("up", "--data-dir", "data", "--key-file", str(tmp_path / "nowhere"), "--port", "0")
    assert refused.code == 1
    assert "create it with: vimesh db make-key" in refused.err
