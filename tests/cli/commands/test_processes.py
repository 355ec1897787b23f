"""Conductors, monitors, the database and Envoy's files, each by its own command."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.callers.commands import Command
from tests.support.callers.running import running

URL = ("--database-url", "sqlite:///vimesh.sqlite")


def test_the_tables_are_made_checked_and_named(vimesh: Command) -> None:
    missing = vimesh("db", "check", *URL)
    assert missing.code == 1
    assert "vimesh db upgrade" in missing.err

    assert vimesh("db", "upgrade", *URL).code == 0
    assert vimesh("db", "check", *URL).code == 0
    assert vimesh("db", "current", *URL).out.strip() in vimesh("db", "check", *URL).out


def test_a_key_file_is_made_once(vimesh: Command) -> None:
    assert vimesh("db", "make-key", "fleet.key").code == 0
    assert (vimesh.folder / "fleet.key").stat().st_mode & 0o777 == 0o600

    again = vimesh("db", "make-key", "fleet.key")

    assert again.code == 1
    assert "already exists" in again.err


def test_a_conductor_says_what_it_lacks_and_what_to_type(vimesh: Command) -> None:
    assert "error: --key-file: is required" in vimesh("conductor", *URL).err
    vimesh("db", "make-key", "fleet.key")
    with_key = ("conductor", "--key-file", "fleet.key")
    assert "error: --database-url: is required" in vimesh(*with_key).err

    without_tables = vimesh(*with_key, *URL)

    assert without_tables.code == 1
    assert "vimesh db upgrade" in without_tables.err
    assert "contact_within" in vimesh(*with_key, *URL, "--contact-within", "61s").err


def test_a_conductor_serves_until_a_signal_and_drains(vimesh: Command) -> None:
    vimesh("db", "make-key", "fleet.key")
    vimesh("db", "upgrade", *URL)
    flags = ("--key-file", "fleet.key", *URL)
    with running(vimesh.folder, "conductor", "--listen", "127.0.0.1:0", "--log-format", "json", *flags) as conductor:
        port = json.loads(conductor.line_with("conductor is serving"))["port"]

        second = vimesh("conductor", "--listen", f"127.0.0.1:{port}", *flags)

        assert second.code == 1
        assert "error: listen: cannot listen" in second.err
        conductor.process.terminate()
        conductor.line_with("draining")
        assert conductor.ended() == 0


def test_a_monitor_waits_for_its_conductors_until_a_signal(tmp_path: Path) -> None:
    with running(tmp_path, "monitor", "--address", "127.0.0.1:9", "--shard", "0/2") as monitor:
        # A unit of before still starts, and says what to change.
        assert "remove --shard" in monitor.line_with("--shard is ignored")
        monitor.line_with("monitor started")
        monitor.interrupt()
        assert monitor.ended() == 0


def test_a_notifier_waits_for_its_conductors_until_a_signal(tmp_path: Path) -> None:
    with running(tmp_path, "notify", "--address", "127.0.0.1:9", "--notifier-id", "n1") as notifier:
        assert "n1" in notifier.line_with("notifier started")
        notifier.interrupt()
        assert notifier.ended() == 0


def test_envoys_files_are_rendered_and_judged(vimesh: Command) -> None:
    fleet = vimesh.folder / "fleet.yaml"
    fleet.write_text("conductors: ['127.0.0.1:7601']\n")

    rendered = vimesh("envoy", "render", "fleet.yaml", "--output", "out")

    assert rendered.code == 0, rendered.err
    bootstrap = rendered.out.strip()
    assert vimesh("envoy", "validate", bootstrap).code == 0
    fleet.write_text("conductors: ['nowhere']\n")
    assert "conductors[0]: must be ip:port" in vimesh("envoy", "render", "fleet.yaml", "--output", "out").err
