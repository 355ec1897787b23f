"""A task reads VIMs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vim_info
short_description: Reads VIMs of a vimesh fleet
version_added: 0.1.0
description:
  - Returns one VIM by its name or id, or those that match a filter, with their status.
options:
  name:
    description:
      - Name or id of a VIM. If there is no such VIM, an empty list is returned.
    type: str
  project:
    description:
      - Project in which to look up the O(name). If it is not set, all that the caller may see.
    type: str
  filter:
    description:
      - Which VIMs to return, such as C(status = UNREACHABLE AND labels.region = eu).
      - Without it and without O(name), all of them.
    type: str
  order_by:
    description:
      - Their order, such as C(name).
    type: str
  limit:
    description:
      - Maximum number of VIMs.
    type: int
    default: 1000
attributes:
  check_mode:
    description: It changes nothing anyway.
    support: full
extends_documentation_fragment:
  - vimesh.core.fleet
seealso:
  - module: vimesh.core.vim
author:
  - The maintainers of vimesh (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Read what cannot be reached
  vimesh.core.vim_info:
    filter: status = UNREACHABLE AND labels.region = eu
  register: lost

- name: Stop the play if there is any
  ansible.builtin.assert:
    that: lost.vims | length == 0
    fail_msg: "{{ lost.vims | map(attribute='name') | join(', ') }}"
"""

RETURN = r"""
vims:
  description: The VIMs as the fleet shows them, without secrets, as in JSON of the contract.
  returned: on success
  type: list
  elements: dict
  sample: [{"name": "lab", "status": "REACHABLE", "labels": {"region": "eu"}}]
reason:
  description: Why the task has failed, as a word of the contract, or a status of gRPC; empty if there is none.
  returned: on failure
  type: str
  sample: PERMISSION_DENIED
hint:
  description: What to do about it.
  returned: on failure, if there is something
  type: str
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.fleet import CONNECTION, run
from ..module_utils.vim_documents import vim_document

with suppress(ImportError):  # `run` says so before anything of this is called
    from vimesh.client import Client, NameUnknown, Vim

OPTIONS: dict[str, Any] = {
    **CONNECTION,
    "name": {"type": "str"},
    "project": {"type": "str"},
    "filter": {"type": "str"},
    "order_by": {"type": "str"},
    "limit": {"type": "int", "default": 1000},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec=OPTIONS,
        mutually_exclusive=[("name", "filter"), ("name", "order_by")],
        required_by={"project": ["name"]},
        supports_check_mode=True,
    )

    def read(client: Client) -> Mapping[str, Any]:
        return {"changed": False, "vims": [vim_document(vim) for vim in _vims(client, module.params)]}

    run(module, read)


def _vims(client: Client, options: Mapping[str, Any]) -> Iterator[Vim]:
    if not options["name"]:
        yield from client.vims.list(options["filter"] or "", order_by=options["order_by"] or "", limit=options["limit"])
        return
    with suppress(NameUnknown):
        yield client.vims.get(options["name"], project=options["project"])


if __name__ == "__main__":
    main()
