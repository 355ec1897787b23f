"""The labels in entries of files of VIMs."""

from __future__ import annotations

import io

import pytest

from vimesh.cli.input import csv_file
from vimesh.cli.input.file_entries import FileEntry, Flaw
from vimesh.cli.input.vim_entry import RejectedEntry
from vimesh.cli.vim_import.file_source.entry_to_request import EntryReader
from vimesh.files.entry_stream import EntryStream

LAB = {"name": "lab", "auth_url": "http://10.0.0.5:5000/v3"}


def test_an_entry_has_labels_in_each_form() -> None:
    tackers = {"name": "lab", "auth_url": LAB["auth_url"], "username": "u", "password": "p", "project_name": "nfv"}
    for content in (LAB, tackers):
        entry = FileEntry(1, {**content, "labels": {"region": "eu", "a.b/c": ""}})
        assert EntryReader().prepare(entry).request.vim.labels == {"region": "eu", "a.b/c": ""}


@pytest.mark.parametrize(
    "labels",
    [["region"], "region=eu", {"region": 1}, {1: "eu"}, {"a b": ""}, {"a": "b c"}, {f"k{n}": "" for n in range(65)}],
)
def test_wrong_labels_are_rejected(labels: object) -> None:
    with pytest.raises(RejectedEntry, match="labels"):
        EntryReader().prepare(FileEntry(1, {**LAB, "labels": labels}))


def csv(head: str, row: str) -> FileEntry | Flaw:
    return next(iter(csv_file.entries(EntryStream(io.BytesIO(f"name,{head}\nlab,{row}\n".encode())))))


def test_columns_name_labels() -> None:
    found = csv("labels.region,labels.example.com/owner,labels.none", "eu,nfv,")

    assert isinstance(found, FileEntry)
    assert found.content == {"name": "lab", "labels": {"region": "eu", "example.com/owner": "nfv"}}


@pytest.mark.parametrize("column", ["labels", "labels.", "labels.a b", "labels.-"])
def test_columns_of_no_label_are_flaws(column: str) -> None:
    found = csv(column, "eu")

    assert isinstance(found, Flaw)
    assert "labels.region" in found.description
