"""--dry-run has the same values in every command that changes VIMs or windows."""

from __future__ import annotations

import pytest

from tests.support.callers.commands import Command

NOWHERE = ("--address", "127.0.0.1:9")
COMMANDS = {
    "register": (("vim", "register", "a", "--auth-url", "http://192.0.2.1/", *NOWHERE), "server"),
    "set": (("vim", "set", "a", "--description", "b", *NOWHERE), "server"),
    "label": (("vim", "label", "a", "region=eu", *NOWHERE), "server"),
    "deregister": (("vim", "deregister", "a", *NOWHERE), "server"),
    "maintenance": (("maintenance", "start", "a", "--for", "1h", "--reason", "b", *NOWHERE), "server"),
    "import": (("vim", "import", "vims.yaml", *NOWHERE), "client"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_what_a_command_cannot_do_is_refused_with_what_it_can(vimesh: Command, name: str) -> None:
    command, kind = COMMANDS[name]
    (vimesh.folder / "vims.yaml").write_text("- {name: a, type: openstack, auth_url: http://192.0.2.1/}\n")

    for wrong in ("client" if kind == "server" else "server", "true"):
        refused = vimesh(*command, f"--dry-run={wrong}")
        assert (refused.code, refused.err) == (2, f"error: --dry-run: must be none or {kind}, not '{wrong}'\n")
    # Both are read: the fleet is asked, or the file checked.
    for taken in ("none", kind):
        assert vimesh(*command, f"--dry-run={taken}").code != 2


def test_a_file_is_checked_in_the_same_words(vimesh: Command) -> None:
    (vimesh.folder / "vims.yaml").write_text("- {name: a, type: openstack, auth_url: http://192.0.2.1/}\n")

    done = vimesh("vim", "import", "vims.yaml", "--dry-run=client")

    assert (done.code, done.out, done.err) == (0, "", "1 VIM: all valid\ndry run: nothing was changed\n")
