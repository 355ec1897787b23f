"""Which quotas the settings and the file of exceptions say."""

from __future__ import annotations

from pathlib import Path

import pytest

from vimesh.cli.base.quota_settings import quota_arguments, quotas
from vimesh.domain.access.quotas import ProjectLimits, Quotas
from vimesh.domain.errors import BadSetting
from vimesh.domain.settings import BadFlag, Sources

NOT_GIVEN = {"vims": None, "event_bytes": None, "changes_per_s": None, "file": None}


def read(environment: dict[str, str], **flags: object) -> Quotas:
    return quotas(Sources(environment, {}), **(NOT_GIVEN | flags))  # type: ignore[arg-type]  # as given


def test_nothing_is_limited_by_default() -> None:
    assert read({}) == Quotas(ProjectLimits(None, None, None))


def test_a_project_of_the_file_has_the_limits_of_all_but_for_those_that_it_names(tmp_path: Path) -> None:
    file = tmp_path / "quotas.yaml"
    file.write_text('projects:\n  lab: {vims: 5, event_bytes: 2MiB}\n  "7": {changes_per_s: unlimited}\n')

    given = read({"VIMESH_CONDUCTOR_QUOTA_VIMS": "100", "VIMESH_CONDUCTOR_QUOTA_FILE": str(file)}, changes_per_s="10")

    assert given.limits_of("lab") == ProjectLimits(5, 2 * 1024**2, 10)
    assert given.limits_of("7") == ProjectLimits(100, None, None)
    assert given.limits_of("other") == ProjectLimits(100, None, 10)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "must hold a mapping named projects"),
        ("projects: []", "must hold a mapping named projects"),
        ("projects: {}\nmore: 1", "must hold a mapping named projects"),
        ("projects: {7: {vims: 1}}", "'7' is not a project id; write it in quotes"),
        ("projects: {lab: 7}", "projects.lab in .*: must be a mapping of vims, event_bytes, changes_per_s"),
        ("projects: {lab: {vms: 7}}", "must be a mapping of vims, event_bytes, changes_per_s"),
        ("projects: {lab: {vims: -1}}", "vims of projects.lab in .*: must be a number or unlimited, not '-1'"),
        ("projects: {lab: {vims: null}}", "must be a number or unlimited"),
        ("projects: {lab: {vims: true}}", "must be a number or unlimited"),
        ("projects: {lab: {event_bytes: 1MB}}", "must be a size"),
        ("projects: {lab: {changes_per_s: 0}}", "must be from 1 to 10000, or unlimited"),
        ("projects: [", "cannot be read as YAML"),
    ],
)
def test_a_file_that_says_something_else_is_refused(tmp_path: Path, content: str, complaint: str) -> None:
    file = tmp_path / "quotas.yaml"
    file.write_text(content)

    with pytest.raises(BadSetting, match=complaint):
        read({}, file=file)


def test_a_missing_file_and_a_bad_flag_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"none\.yaml: cannot be read: No such file"):
        read({}, file=tmp_path / "none.yaml")
    with pytest.raises(BadFlag, match="--quota-vims: must be a number or unlimited, not 'many'"):
        read({}, vims="many")


def test_flags_are_passed_on_as_they_were_given() -> None:
    passed = quota_arguments(vims="10", event_bytes=None, changes_per_s="unlimited", file=Path("quotas.yaml"))

    file = str(Path("quotas.yaml").absolute())
    assert passed == ["--quota-vims", "10", "--quota-changes-per-s", "unlimited", "--quota-file", file]
