"""The rules, their unit tests and the configurations of Prometheus and Alertmanager are as those programs want them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.observability.rule_files import PROMETHEUS, RULE_FILES, AlertRule, alert_rules, write_quick_rules

_UNIT_TESTS = sorted((PROMETHEUS / "tests").glob("*.yaml"))
_ALERTMANAGER = PROMETHEUS / "alertmanager.yaml"
_ALERTS = pytest.mark.parametrize("rule", alert_rules(), ids=lambda rule: rule.name)
_FOR = re.compile(r"^ +for: .*$", re.MULTILINE)


def _run(*command: str | Path, folder: Path = PROMETHEUS) -> str:
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_promtool_accepts_the_rules() -> None:
    _run("promtool", "check", "rules", "--lint-fatal", *RULE_FILES)


@pytest.mark.parametrize("name", ["prometheus.yaml", "secured-prometheus.yaml"])
def test_promtool_accepts_the_configuration(name: str) -> None:
    # The files that it names are elsewhere.
    _run("promtool", "check", "config", "--syntax-only", PROMETHEUS / name)

    document = yaml.safe_load((PROMETHEUS / name).read_text())
    assert document["rule_files"] == [file.name for file in RULE_FILES]
    assert {job["job_name"] for job in document["scrape_configs"]} == {"vimesh", "vimesh-vims", "vimesh-front"}
    for job in document["scrape_configs"]:
        assert all("fleet" in target["labels"] for target in job["static_configs"])


@pytest.mark.parametrize("file", _UNIT_TESTS, ids=lambda file: file.stem)
def test_unit_tests_of_the_rules_pass(file: Path) -> None:
    assert "SUCCESS" in _run("promtool", "test", "rules", file.name, folder=file.parent)


def test_unit_tests_fail_for_rules_that_do_not_wait(tmp_path: Path) -> None:
    folder = shutil.copytree(PROMETHEUS, tmp_path / "prometheus")
    rules = folder / "alert-rules.yaml"
    rules.write_text(_FOR.sub("", rules.read_text()))

    with pytest.raises(AssertionError, match="FAILED"):
        _run("promtool", "test", "rules", "vims.yaml", folder=folder / "tests")


@_ALERTS
def test_unit_tests_see_each_alert_come_and_go(rule: AlertRule) -> None:
    firing = {
        len(case["exp_alerts"])
        for file in _UNIT_TESTS
        for unit_test in yaml.safe_load(file.read_text())["tests"]
        for case in unit_test.get("alert_rule_test", [])
        if case["alertname"] == rule.name
    }

    # The watchdog never goes.
    assert max(firing) > 0
    assert len(firing) > 1 or rule.name == "VimeshWatchdog"


@_ALERTS
def test_an_alert_says_what_to_do(rule: AlertRule) -> None:
    assert rule.name.startswith("Vimesh")
    assert rule.labels["severity"] in {"critical", "warning", "none"}
    assert rule.annotations.keys() == {"summary", "description", "runbook_url"}
    assert rule.runbook.is_file()


def test_quick_rules_differ_in_their_durations_only(tmp_path: Path) -> None:
    write_quick_rules(tmp_path, times=60)

    _run("promtool", "check", "rules", *(tmp_path / file.name for file in RULE_FILES))
    for file in RULE_FILES:
        before, after = (_shapes(yaml.safe_load((folder / file.name).read_text())) for folder in (PROMETHEUS, tmp_path))
        assert before == after
    assert "for: 1000ms" in (tmp_path / "alert-rules.yaml").read_text()


def _shapes(document: dict[str, Any]) -> str:
    for group in document["groups"]:
        for rule in group["rules"]:
            rule.pop("for", None)
            rule["expr"] = re.sub(r"\[\w+\]", "[]", rule["expr"])
    return json.dumps(document, sort_keys=True)


def test_amtool_accepts_the_configuration() -> None:
    assert "SUCCESS" in _run("amtool", "check-config", _ALERTMANAGER)


@_ALERTS
def test_alertmanager_routes_each_alert_by_its_severity(rule: AlertRule) -> None:
    labels = [f"{name}={value}" for name, value in {"alertname": rule.name, "fleet": "lab", **rule.labels}.items()]

    receiver = _run("amtool", "config", "routes", "test", f"--config.file={_ALERTMANAGER}", *labels).strip()

    assert receiver == {"critical": "on-call", "warning": "channel", "none": "watchdog"}[rule.labels["severity"]]


def test_alertmanager_knows_no_other_alerts() -> None:
    assert set(re.findall(r"\bVimesh\w+", _ALERTMANAGER.read_text())) <= {rule.name for rule in alert_rules()}
