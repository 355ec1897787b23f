"""One VIM becomes what a task says."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vim
short_description: Registers, changes or deregisters a VIM of a vimesh fleet
version_added: 0.1.0
description:
  - Makes a VIM what the task says, as C(vimesh apply) does. Run again, it changes nothing.
  - A field belongs to the O(apply_set) as long as that was the last to set it. Fields that the task does not name are
    left alone, and so are those that others have set, which is an error unless it is asked for.
  - A field that the O(apply_set) has set before, and that the task does not name any more, gets its default. So one
    task names all fields of a VIM that are to be managed.
options:
  state:
    description:
      - V(present) makes the VIM what the options say.
      - V(absent) deregisters it, if it belongs to the O(apply_set). Only O(name) and O(project) count.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    description: Lets the fleet say what would change, and why it would refuse to.
    support: full
  diff_mode:
    description: Shows each field that differs. Secrets are not shown.
    support: full
extends_documentation_fragment:
  - vimesh.core.apply
  - vimesh.core.fleet
seealso:
  - module: vimesh.core.vims
  - module: vimesh.core.vim_info
author:
  - The maintainers of vimesh (!UNKNOWN)
"""

EXAMPLES = r"""
- name: A VIM is there, and can be reached
  vimesh.core.vim:
    name: lab
    type: openstack
    auth_url: http://10.0.0.5:5000/v3
    auth_cred:
      username: nfv
      password: "{{ lab_password }}"
    labels:
      region: eu
    probe_policy:
      interval: 30s
    wait_for: REACHABLE

- name: A VIM that somebody has registered by hand is managed from now on
  vimesh.core.vim:
    name: edge
    labels:
      region: us
    adopt: true

- name: A VIM is gone
  vimesh.core.vim:
    name: lab
    state: absent
"""

RETURN = r"""
outcome:
  description: What became of the VIM, or would in check mode.
  returned: unless the fleet refuses
  type: str
  choices: [REGISTERED, MODIFIED, UNCHANGED, DEREGISTERED]
  sample: MODIFIED
vim_id:
  description: Its id; empty if it would be registered, or did not exist.
  returned: unless the fleet refuses
  type: str
  sample: 2204c810-2fa7-48c8-a59c-ba743d53cd08
changes:
  description:
    - The fields of a VIM that was modified, with their values before and after, as JSON of at most 200 characters,
      V(***) in the place of secrets.
    - If none is there although the VIM was modified, only what the apply set manages has changed.
  returned: unless the fleet refuses
  type: list
  elements: dict
  sample: [{"field": "labels.region", "before": "\"eu\"", "after": "\"us\""}]
vim:
  description: The VIM as the fleet shows it now, without secrets, with its status, as in JSON of the contract.
  returned: if it exists, and it is not to be absent
  type: dict
  sample: {"name": "lab", "status": "REACHABLE"}
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

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.apply_vims import APPLY_OPTIONS, Applier, fill_in_project, refuse
from ..module_utils.fleet import CONNECTION, Refused, run
from ..module_utils.vim_documents import vim_document
from ..module_utils.vim_fields import VIM_FIELDS, read_absent_vim, read_vim, secrets_in

if TYPE_CHECKING:
    from vimesh.client import Client

STATE: dict[str, Any] = {"type": "str", "choices": ["present", "absent"], "default": "present"}
OPTIONS = {**CONNECTION, **VIM_FIELDS, **APPLY_OPTIONS, "state": STATE}


def main() -> None:
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)

    def apply(client: Client) -> Mapping[str, Any]:
        return _apply(client, module)

    run(module, apply)


def _apply(client: Client, module: AnsibleModule) -> Mapping[str, Any]:
    options = module.params
    applier = Applier(client, options)
    is_wanted = options["state"] == "present"
    if is_wanted:
        entry = read_vim(options)
        module.no_log_values = set(secrets_in(options, entry))
    elif options["wait_for"]:
        raise Refused("wait_for cannot be used with state: absent", reason="BAD_INPUT")
    else:
        entry = read_absent_vim(options)
    fill_in_project(client, [entry])
    applied = applier.apply([entry], only_check=module.check_mode)
    refuse(applied)
    [one] = applied
    result = {
        "changed": one.is_change,
        "outcome": one.outcome,
        "vim_id": one.result.vim_id,
        "changes": one.document()["changes"],
        "diff": one.diff(),
    }
    if is_wanted and not module.check_mode:
        applier.wait([one.result.vim_id], **result)
    if is_wanted and one.result.vim_id:
        result["vim"] = vim_document(client.vims.get(one.result.vim_id))
    return result


if __name__ == "__main__":
    main()
