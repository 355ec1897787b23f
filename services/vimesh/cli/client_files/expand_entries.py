"""Turns each document of another client's file into entries, one for each VIM that it describes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Final

from vimesh.cli.client_files import kube_entries
from vimesh.cli.client_files.cloud_entries import CloudReader, host_of
from vimesh.cli.client_files.cloud_places import CloudPlaces
from vimesh.cli.client_files.entry_choice import CLOUD, CONTEXT, EntryChoice
from vimesh.cli.client_files.file_kinds import FileKind, OtherKind, kind_of
from vimesh.cli.client_files.kube_config import KubeConfig
from vimesh.cli.client_files.named_files import NamedFiles
from vimesh.cli.client_files.openrc_entries import environment_name, openrc_entries, variable_entries
from vimesh.cli.input import file_formats, tacker_file
from vimesh.cli.input.file_entries import FileEntry, Flaw
from vimesh.cli.input.file_formats import Format
from vimesh.domain.errors import BadSetting
from vimesh.domain.settings import BadFlag
from vimesh.files.file_errors import BadFile
from vimesh.files.file_limits import MAX_DOCUMENT_BYTES, MAX_SETTINGS_BYTES
from vimesh.files.json_values import read_json
from vimesh.files.read_files import read_text
from vimesh.files.yaml_values import read_yaml

KUBECONFIG_VARIABLE: Final = "KUBECONFIG"
_WHAT: Final = {FileKind.CLOUDS: "a clouds.yaml", FileKind.KUBECONFIG: "a kubeconfig", FileKind.TACKER: "Tacker's"}


class ClientFiles:
    """`file`: where the documents are from; None: standard input, or where other clients look."""

    def __init__(self, file: Path | None, choice: EntryChoice) -> None:
        self._file = file
        self._choice = choice
        self._environment: Mapping[str, str] = os.environ
        self._home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() fails where there is none
        self._places = CloudPlaces(self._environment, self._home, Path())

    def entries(self, format_: Format, file: BinaryIO) -> Iterator[FileEntry | Flaw]:
        """Yield the VIMs of a file. Raises OSError, and BadFlag for a choice that the file does not have."""
        if format_ is not Format.OPENRC:
            for entry in file_formats.read(format_, file):
                yield from self._expanded(entry)
            return
        content = file.read(MAX_SETTINGS_BYTES + 1)
        if len(content) > MAX_SETTINGS_BYTES:
            yield Flaw(1, f"is larger than {MAX_SETTINGS_BYTES} bytes")
            return
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            yield Flaw(content.count(b"\n", 0, error.start) + 1, "is not UTF-8 text")
            return
        yield from self.openrc(text)

    def openrc(self, text: str) -> Iterator[FileEntry | Flaw]:
        """Yield the VIM of an openrc file. Raises BadFlag for a choice that is for other files."""
        self._require_choice_for("an openrc file")
        yield from openrc_entries(1, text, str(self._home), self._cloud_reader(searched=False))

    def found(self) -> Iterator[FileEntry | Flaw]:
        """Yield the VIMs that are chosen of the files that other clients use, and of the environment.

        Raises BadSetting for a file that is missing, and BadFlag for a choice that it does not have.
        """
        name = environment_name(self._environment)
        if name in self._choice.clouds:
            yield from variable_entries(1, self._environment, self._cloud_reader(searched=True), "OS_* variables")
        others = tuple(cloud for cloud in self._choice.clouds if cloud != name)
        if others:
            yield from self._of_usual_clouds(replace(self._choice, clouds=others))
        if self._choice.contexts:
            yield from kube_entries.entries(1, self._usual_kubeconfig(), self._choice)

    def document(self, line: int, content: Mapping[Any, Any]) -> Iterator[FileEntry | Flaw]:
        """Yield the VIMs of one document. Raises BadFlag for a choice that it does not have."""
        try:
            kind = kind_of(content)
        except OtherKind as error:
            yield Flaw(line, str(error))
            return
        match kind:
            case FileKind.CLOUDS:
                self._require_choice_for(_WHAT[kind], CLOUD)
                yield from self._cloud_reader(searched=False).entries(line, content)
            case FileKind.KUBECONFIG:
                self._require_choice_for(_WHAT[kind], CONTEXT)
                yield from self._of_kubeconfig(line, content)
            case FileKind.TACKER:
                self._require_choice_for("a VIM file of Tacker")
                yield tacker_entry(line, content)
            case FileKind.VIMS:
                self._require_choice_for("a file of VIMs")
                yield FileEntry(line, content)

    def kubeconfig(self, content: Mapping[Any, Any]) -> KubeConfig:
        """Read a kubeconfig. Raises BadFile."""
        config = KubeConfig()
        config.add(content, self._named_files(self._file))
        return config

    def _expanded(self, entry: FileEntry | Flaw) -> Iterator[FileEntry | Flaw]:
        if isinstance(entry, FileEntry) and entry.whole:
            yield from self.document(entry.line, entry.content)
        else:
            if isinstance(entry, FileEntry):
                self._require_choice_for("a file of VIMs")
            yield entry

    def _of_kubeconfig(self, line: int, content: Mapping[Any, Any]) -> Iterator[FileEntry | Flaw]:
        try:
            config = self.kubeconfig(content)
        except BadFile as error:
            yield Flaw(line, str(error))
            return
        yield from kube_entries.entries(line, config, self._choice)

    def _of_usual_clouds(self, choice: EntryChoice) -> Iterator[FileEntry | Flaw]:
        try:
            place = self._places.clouds_file()
        except BadFile as error:
            raise BadSetting(CLOUD, str(error)) from None
        content = read_document(place)
        reader = CloudReader(self._places, self._named_files(place), choice, place, searched=True)
        yield from reader.entries(1, content)

    def _usual_kubeconfig(self) -> KubeConfig:
        given = [each for each in self._environment.get(KUBECONFIG_VARIABLE, "").split(":") if each]
        places = [Path(each) for each in given] or [self._home / ".kube/config"]
        config = KubeConfig()
        present = [place for place in places if place.exists()]
        if not present:
            raise BadSetting(CONTEXT, f"there is no kubeconfig at {', '.join(map(str, places))}")
        for place in present:
            try:
                config.add(read_document(place), self._named_files(place))
            except BadFile as error:
                raise BadSetting(str(place), str(error)) from None
        return config

    def _cloud_reader(self, *, searched: bool) -> CloudReader:
        return CloudReader(self._places, self._named_files(self._file), self._choice, self._file, searched=searched)

    def _named_files(self, file: Path | None) -> NamedFiles:
        return NamedFiles(Path() if file is None else file.parent, self._home)

    def _require_choice_for(self, what: str, *flags: str) -> None:
        for flag, given in ((CLOUD, self._choice.clouds), (CONTEXT, self._choice.contexts)):
            if given and flag not in flags:
                raise BadFlag(flag, f"is not for this file, which is {what}")


def tacker_entry(line: int, content: Mapping[Any, Any]) -> FileEntry:
    """Return the VIM of a file that Tacker's users have: it names none, so it is called by its host."""
    url = content.get("auth_url")
    name = host_of(url) if isinstance(url, str) else ""
    return FileEntry(line, {"name": name, **content}, "file of Tacker", tacker_file.remarks(content))


def read_document(place: Path, text: str | None = None) -> Mapping[Any, Any]:
    """Read the only document of a file; `text`: what it holds, if that is known. Raises BadSetting."""
    try:
        text = read_text(place, MAX_DOCUMENT_BYTES) if text is None else text
        content = read_json(text) if place.suffix == ".json" else read_yaml(text, keep_written=True)
    except OSError as error:
        raise BadSetting(str(place), f"cannot be read: {error.strerror}") from error
    except BadFile as error:
        raise BadSetting(str(place), str(error)) from None
    if not isinstance(content, Mapping):
        raise BadSetting(str(place), "must have keys such as auth_url, username and project_name")
    return content
