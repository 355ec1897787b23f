"""Tacker's rules decide what a caller with a token may do, and a policy file changes them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.api.keystone.test_service_file import GROUP, LOGIN
from vimesh.api.keystone.policy_rules import PolicyRules
from vimesh.api.keystone.service_file import read_service_file
from vimesh.api.keystone.token_claims import TokenClaims
from vimesh.domain.errors import BadSetting

ANN = TokenClaims("ann", "blue", ("member",), "default", "default", "", 0)
ROOT = replace(ANN, user_id="root", roles=("Admin",))
RULES = ("get_vims", "get_vim", "create_vim", "update_vim", "delete_vim", "get_events", "get_event")


def rules(folder: Path, policy: str | None = None) -> PolicyRules:
    file = folder / "tacker.conf"
    file.write_text(GROUP + LOGIN + ("[oslo_policy]\npolicy_file = rules.yaml\n" if policy is not None else ""))
    if policy is not None:
        (folder / "rules.yaml").write_text(policy)
    return PolicyRules(read_service_file(file).conf)


def test_owners_may_do_all_in_their_projects_and_nothing_elsewhere(tmp_path: Path) -> None:
    applied = rules(tmp_path)

    assert [applied.allows(ANN, rule, "blue") for rule in RULES] == [True] * len(RULES)
    assert [applied.allows(ANN, rule, "green") for rule in RULES] == [False] * len(RULES)
    assert (applied.is_admin(ANN), applied.is_admin(ROOT)) == (False, True)


def test_a_policy_file_changes_the_rules(tmp_path: Path) -> None:
    policy = '"create_vim": "rule:admin_only"\n"context_is_admin": "role:cloud_admin"\n"delete_vim": "role:janitor"\n'
    applied = rules(tmp_path, policy)

    assert not applied.allows(ANN, "create_vim", "blue")
    assert applied.allows(replace(ANN, roles=("janitor",)), "delete_vim", "blue")
    assert not applied.allows(ANN, "delete_vim", "blue")
    assert (applied.is_admin(ROOT), applied.is_admin(replace(ANN, roles=("cloud_admin",)))) == (False, True)


def test_a_policy_file_as_tacker_had_it_is_understood(tmp_path: Path) -> None:
    policy = (
        '"admin_or_owner": "is_admin:True or project_id:%(project_id)s"\n'
        '"shared": "field:vims:shared=True"\n'
        '"get_vim": "rule:admin_or_owner or rule:shared"\n'
        '"create_vnf": "rule:admin_or_owner"\n'
    )
    applied = rules(tmp_path, policy)

    assert (applied.allows(ANN, "get_vim", "blue"), applied.allows(ANN, "get_vim", "green")) == (True, False)


def test_a_changed_file_counts_at_once(tmp_path: Path) -> None:
    applied = rules(tmp_path, "{}")
    assert applied.allows(ANN, "create_vim", "blue")
    file = tmp_path / "rules.yaml"
    file.write_text('"create_vim": "!"')
    os.utime(file, (2**31, 2**31))

    assert not applied.allows(ANN, "create_vim", "blue")


@pytest.mark.parametrize("policy", ['"create_vim": [', '"create_vim": "rule:nowhere"', '"a": "rule:b"\n"b": "rule:a"'])
def test_a_policy_file_that_cannot_be_used_is_refused(tmp_path: Path, policy: str) -> None:
    with pytest.raises(BadSetting, match="the policy file"):
        rules(tmp_path, policy)
