"""What was typed for a field that a fleet refuses."""

from __future__ import annotations

import pytest

from vimesh.cli.client.typed_fields import typed_name
from vimesh.cli.command_line import CommandLine


@pytest.mark.parametrize(
    ("words", "field", "named"),
    [
        ("vim register x --type t", "vim.type", "--type"),
        ("vim register x --type=t", "vim.type", "--type"),
        ("vim register x", "vim.name", "NAME"),
        ("vim register --name x", "vim.name", "--name"),
        ("vim set x --fail-for 2h", "vim.probe_policy.fail_for", "--fail-for"),
        ("vim register x --config-file f", "vim.auth_cred", "--config-file"),
        ("vim register x --config-file f", "vim.type", ""),
        ("vim register x -l a=b", 'vim.labels["a"]', "-l"),
        ("vim label x a=b", 'vim.labels["a"]', "KEY=VALUE"),
        ("vim list --limit 5", "page_size", "--limit"),
        ("vim list -l a=b", "filter", "-l"),
        ("vim register x --id 7", "vim_id", "--id"),
        ("vim show 7", "vim_id", "VIM"),
        ("vim summary --by colour", "group_by", "--by"),
        ("maintenance start x --for 1h", "window.duration", "--for"),
        ("maintenance show 7", "window_id", "ID"),
        ("receiver create --file f", "receiver.name", ""),
        ("receiver create ops --group-wait 9d", "receiver.group_wait", "--group-wait"),
        ("vim register x", "vim.auth_url", ""),
    ],
)
def test_the_flag_or_argument_is_found(words: str, field: str, named: str) -> None:
    assert typed_name(field, CommandLine(words.split())) == named
