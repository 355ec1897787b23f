"""Many VIMs become what a task says."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vims
short_description: Makes many VIMs of a vimesh fleet what a task says
version_added: 0.1.0
description:
  - Registers VIMs that are missing, and changes the fields that differ, as C(vimesh apply) does. Run again, it changes
    nothing.
  - The fleet checks all VIMs first. If it refuses one, nothing is changed.
  - What somebody changes between this check and the change is not overwritten. The task has failed then, and running it
    again shows what is left to do.
options:
  prune:
    description:
      - Deregister the VIMs of the O(apply_set) that are not in the list, in any project, and no others.
      - O(apply_set) must be set.
    type: bool
    default: false
  project:
    description:
      - Project of VIMs for which the list names none.
      - If it is not set, the only project of the caller, or V(default).
    type: str
attributes:
  check_mode:
    description: Lets the fleet say what would change, and why it would refuse to.
    support: full
  diff_mode:
    description: Shows each field that differs, VIM by VIM. Secrets are not shown.
    support: full
extends_documentation_fragment:
  - vimesh.core.apply.list
  - vimesh.core.apply.how
  - vimesh.core.fleet
seealso:
  - module: vimesh.core.vim
author:
  - The maintainers of vimesh (!UNKNOWN)
"""

EXAMPLES = r"""
- name: The VIMs of the set ops are these, and no others
  vimesh.core.vims:
    apply_set: ops
    prune: true
    vims:
      - name: lab
        type: openstack
        auth_url: http://10.0.0.5:5000/v3
        auth_cred:
          username: nfv
          password: "{{ lab_password }}"
      - name: edge
        type: kubernetes
        auth_url: https://10.0.0.6:6443
        labels:
          region: us
"""

RETURN = r"""
vims:
  description: What became of each VIM, or would in check mode, those that were pruned at the end.
  returned: unless the fleet refuses one before anything is changed
  type: list
  elements: dict
  contains:
    name:
      description: Name of the VIM.
      type: str
    project:
      description: Its project.
      type: str
    id:
      description: Its id; empty if it would be registered.
      type: str
    outcome:
      description: What became of it. V(REFUSED), if others have changed it meanwhile.
      type: str
      choices: [REGISTERED, MODIFIED, UNCHANGED, DEREGISTERED, REFUSED]
    changes:
      description: The fields of a VIM that was modified, with their values before and after, as of M(vimesh.core.vim).
      type: list
      elements: dict
  sample: [{"name": "lab", "project": "default", "id": "", "outcome": "REGISTERED", "changes": []}]
counts:
  description: How many VIMs had which outcome.
  returned: as vims
  type: dict
  sample: {"REGISTERED": 1, "UNCHANGED": 1}
reason:
  description: Why the task has failed, as a word of the contract, or a status of gRPC; empty if there is none.
  returned: on failure
  type: str
  sample: APPLY_CONFLICT
hint:
  description: What to do about it.
  returned: on failure, if there is something
  type: str
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.apply_vims import APPLY_OPTIONS, AppliedVim, Applier, fill_in_project, refuse
from ..module_utils.fleet import CONNECTION, Refused, run
from ..module_utils.vim_fields import VIM_FIELDS, read_vim, secrets_in

if TYPE_CHECKING:
    from vimesh.client import Client
    from vimesh.v1.vim_service_pb2 import VimToApply

OPTIONS: dict[str, Any] = {
    **CONNECTION,
    **APPLY_OPTIONS,
    "vims": {"type": "list", "elements": "dict", "required": True, "options": VIM_FIELDS},
    "prune": {"type": "bool", "default": False},
    "project": {"type": "str"},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec=OPTIONS, required_if=[("prune", True, ["apply_set"])], supports_check_mode=True
    )

    def apply(client: Client) -> Mapping[str, Any]:
        return _apply(client, module)

    run(module, apply)


def _apply(client: Client, module: AnsibleModule) -> Mapping[str, Any]:
    options = module.params
    applier = Applier(client, options)
    entries = _read(module)
    fill_in_project(client, entries)
    _require_different(entries)
    planned = applier.apply(entries, only_check=True)
    if options["prune"]:
        wanted = {one.key for one in planned}
        planned += applier.apply(applier.surplus(wanted), only_check=True)
    refuse(planned)
    if module.check_mode:
        return _result(planned)
    changed = iter(applier.apply([one.to_do() for one in planned if one.is_change], only_check=False))
    done = [next(changed) if one.is_change else one for one in planned]
    refuse(done, **_result(done))
    applier.wait([one.result.vim_id for one in done if not one.entry.absent], **_result(done))
    return _result(done)


def _read(module: AnsibleModule) -> list[VimToApply]:
    """Raises Refused."""
    described = module.params["vims"]
    if not described:
        raise Refused("vims has no VIM", reason="BAD_INPUT", hint="vimesh.core.vim with state: absent deregisters one")
    entries = [read_vim(one, module.params["project"]) for one in described]
    module.no_log_values = {
        secret for one, entry in zip(described, entries, strict=True) for secret in secrets_in(one, entry)
    }
    return entries


def _require_different(entries: Sequence[VimToApply]) -> None:
    """Raises Refused."""
    names = Counter((entry.vim.project_id, entry.vim.name) for entry in entries)
    for (project_id, name), count in names.items():
        if count > 1:
            raise Refused(f"{count} of the vims are VIM {name} of project {project_id}", reason="BAD_INPUT")


def _result(applied: Sequence[AppliedVim]) -> dict[str, Any]:
    return {
        "changed": any(one.is_change for one in applied),
        "vims": [one.document() for one in applied],
        "counts": dict(Counter(one.document()["outcome"] for one in applied)),
        "diff": [one.diff() for one in applied if one.is_change],
    }


if __name__ == "__main__":
    main()
