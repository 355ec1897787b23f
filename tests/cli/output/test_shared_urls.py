"""VIMs at one URL are told in few lines, however many they are."""

from __future__ import annotations

from vimesh.cli.output.shared_urls import shared_url_lines


def test_a_url_of_several_vims_is_told_with_some_of_their_names() -> None:
    one = [(f"vim-{number}", "http://192.0.2.1/v3" + "/" * (number % 2)) for number in range(5)]

    assert shared_url_lines([*one, ("other", "http://192.0.2.2/")]) == [
        "note: 5 VIMs (vim-0, vim-1, vim-2 and 2 more) have the same auth_url, http://192.0.2.1/v3"
    ]


def test_of_many_urls_the_first_are_told() -> None:
    lines = shared_url_lines((f"vim-{number}", f"http://192.0.2.{number // 2}/") for number in range(16))

    assert lines[0] == "note: 2 VIMs (vim-0, vim-1) have the same auth_url, http://192.0.2.0"
    assert (len(lines), lines[-1]) == (6, "... and VIMs at 3 more URLs")
