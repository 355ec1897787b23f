"""Files that are replaced together are read together, whoever replaces them and whenever."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

import pytest

from vimesh.certificates.file_generations import replace_files
from vimesh.files.certificate_files import CERTIFICATE, KEY, CertificateFiles
from vimesh.files.file_errors import BadFile

REPLACEMENTS = 200


def test_no_certificate_is_read_with_the_key_of_another(tmp_path: Path) -> None:
    files = CertificateFiles(tmp_path, (CERTIFICATE, KEY))

    def replace_again_and_again() -> None:
        for number in range(REPLACEMENTS):
            replace_files(tmp_path, {CERTIFICATE: b"%d" % number, KEY: b"%d" % number})

    replacing = threading.Thread(target=replace_again_and_again)
    replacing.start()
    pairs = set()
    while replacing.is_alive():
        with suppress(BadFile):  # replaced during each attempt
            contents = files.read().contents
            pairs.add((contents[CERTIFICATE], contents[KEY]))
    replacing.join()

    last = b"%d" % (REPLACEMENTS - 1)
    assert all(certificate == key for certificate, key in pairs)
    assert files.read().contents == {CERTIFICATE: last, KEY: last}


def test_the_version_changes_with_each_file_and_with_nothing_else(tmp_path: Path) -> None:
    files = CertificateFiles(tmp_path, (CERTIFICATE, KEY))
    versions = [files.version()]
    assert files.read().contents == {CERTIFICATE: b"", KEY: b""}
    for name in (CERTIFICATE, KEY):
        (tmp_path / name).write_bytes(b"one")
        versions.append(files.version())
    (tmp_path / "next").write_bytes(b"two")
    (tmp_path / "next").rename(tmp_path / KEY)
    versions.append(files.version())

    assert len(set(versions)) == len(versions)
    (tmp_path / "other").write_bytes(b"other")
    assert files.version() == versions[-1] == files.read().version


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    files = CertificateFiles(tmp_path, (CERTIFICATE, KEY))
    (tmp_path / KEY).mkdir()
    with pytest.raises(BadFile, match=r"tls\.key cannot be read: Is a directory"):
        files.read()
    (tmp_path / KEY).rmdir()
    (tmp_path / KEY).write_bytes(b"k" * (1024 * 1024 + 1))
    with pytest.raises(BadFile, match=r"tls\.key is larger than 1048576 bytes"):
        files.read()
