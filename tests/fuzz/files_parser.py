"""Fuzzes files of VIMs in each format, read and checked as `vimesh vim import` does it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

from tests.fuzz.parser import Parser
from vimesh.cli.client_files.entry_choice import EntryChoice
from vimesh.cli.client_files.expand_entries import ClientFiles
from vimesh.cli.input.file_entries import FileEntry, Flaw
from vimesh.cli.input.file_formats import Format
from vimesh.cli.input.vim_entry import RejectedEntry
from vimesh.cli.vim_import.file_source.entry_to_request import EntryReader

_FORMATS = tuple(Format)
_preparer = EntryReader()
_client_files = ClientFiles(None, EntryChoice())
_MOST_WORDS = 2000
"""Maximum length of a description, which people have to read."""
_VIM = {
    "name": "lab",
    "auth_url": "http://10.0.0.5:5000/v3",
    "auth_cred": {"username": "nfv", "password": "s3cret"},
    "probe_policy": {"interval": "10s", "timeout": 2.5, "fall": 3, "tls_verify": "yes"},
    "extra": {"a": [1, None, {"b": 1e300}]},
    "default": False,
}
_TACKERS = {
    "auth_url": "http://10.0.0.6/v3",
    "username": "a",
    "password": "b",
    "project_name": "c",
    "cert_verify": "True",
}
_CLOUDS = {
    "clouds": {
        "paris": {
            "region_name": "a",
            "auth": {"auth_url": "http://10.0.0.7/v3", "username": "a", "password": "s3cret"},
        },
        "rome": {"profile": "vexxhost", "verify": False, "auth": {"token": "s3cret", "project_id": "p"}},
    }
}
_KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "k", "cluster": {"server": "https://10.0.0.8:6443", "insecure-skip-tls-verify": True}}],
    "users": [{"name": "u", "user": {"token": "s3cret"}}],
    "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
    "current-context": "c",
}
_OPENRC = """#!/usr/bin/env bash
export OS_AUTH_URL=http://10.0.0.9:5000/v3
export OS_USERNAME='nfv' OS_PROJECT_NAME="nfv"
if [ -z "$OS_REGION_NAME" ]; then unset OS_REGION_NAME; fi
export OS_PASSWORD=$'s3cret' OS_USER_DOMAIN_NAME="${OS_USER_DOMAIN_NAME:-Default}"
"""
_YAML = "- {name: lab, auth_url: 'http://10.0.0.5/', extra: {a: [1, 2.5, 2026-01-01, !!binary aGk=]}}\n- name: b\n"
_LAUGHS = "a: &a [1, 1]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20)
)


def _read(data: bytes) -> None:
    """The first byte decides the format."""
    format_ = _FORMATS[data[0] % len(_FORMATS)] if data else Format.YAML
    for entry in _client_files.entries(format_, io.BytesIO(data[1:])):
        if isinstance(entry, Flaw):
            _check(str(entry), entry.line)
        elif refusal := _refusal(entry):
            _check(refusal, entry.line)


def _refusal(entry: FileEntry) -> str:
    try:
        _preparer.prepare(entry)
    except RejectedEntry as error:
        return str(error)
    return ""


def _check(words: str, line: int) -> None:
    assert words, "no word of what is wrong"
    assert len(words) <= _MOST_WORDS, f"{len(words)} characters: {words[:100]}"
    assert "s3cret" not in words, f"tells a secret: {words[:200]}"
    assert line > 0, f"no line: {words[:200]}"


def _seeds() -> Iterator[bytes]:
    texts = {
        Format.YAML: (
            _YAML,
            f"vims:\n{_YAML}",
            f"---\n{json.dumps(_VIM)}\n---\n{json.dumps(_TACKERS)}\n",
            json.dumps(_CLOUDS),
            json.dumps(_KUBECONFIG),
            *_odd_yaml(),
        ),
        Format.JSON: (
            json.dumps([_VIM, _TACKERS]),
            json.dumps({"vims": [_VIM]}),
            "[" * 5000,
            '[{"a":' * 2000,
            "[" + "9" * 5000 + "]",
        ),
        Format.JSON_LINES: (
            f"{json.dumps(_VIM)}\n{json.dumps(_TACKERS)}\n",
            "{}\n" * 60,
            "[" * 9000 + "\n",
            '{"a":1e999}\n',
        ),
        Format.CSV: (
            "name,auth_url,auth_cred.username,extra.a,probe_policy.interval\nlab,http://10.0.0.5/,nfv,1,10s\n",
            ",".join(f"extra.a{number}" for number in range(1000)) + ",name\n" + "1," * 1000 + "x\n",
            "name,extra." + ".".join("a" * 3000) + "\nlab,1\n",
            'name,description\nlab,"' + "a\n" * 4000,
            "name\n" + "lab\n" * 60,
        ),
        Format.OPENRC: (
            _OPENRC,
            "export OS_AUTH_URL=" + "$(" * 4000,
            "OS_AUTH_URL='" + "\\" * 4000,
            'x="' + "${a:-" * 2000,
            "if [ a ]; then\n" * 600,
        ),
    }
    for format_, examples in texts.items():
        yield from (bytes([_FORMATS.index(format_)]) + text.encode() for text in examples)


def _odd_yaml() -> Iterator[str]:
    yield f"- name: lab\n  extra:\n    {_LAUGHS.replace(chr(10), chr(10) + '    ')}z: [*t, *t]\n"
    yield "- &a [*a]\n"
    yield "- extra: " + "{a: " * 2000
    yield "- " + "- " * 4000
    yield "? [a, b]\n: c\n"
    yield "- {<<: {name: a}, <<: [{auth_url: b}]}\n" * 50
    yield "- name: 2026-99-99\n  auth_url: !!python/object/apply:os.system [id]\n"
    yield "--- a\n" * 100
    yield "- name: " + "0" * 8000 + "\n- name: 1:30:30\n- name: .inf\n"
    yield "%TAG ! tag:a,2000:\n---\n- !b c\n"


PARSER = Parser(
    name="files",
    read=_read,
    seeds=tuple(_seeds()),
    most_bytes=10 * 1024,
    # Only the person who imports waits. Each entry, of two bytes at least, takes 0.12 ms to check: 0.6 s at most.
    # Anything that grows faster than its file takes far longer.
    limit_ms=1000.0,
)
