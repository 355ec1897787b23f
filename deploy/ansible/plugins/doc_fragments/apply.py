"""Documents the VIMs that tasks describe, and how they are applied: one, or those in a list."""

from __future__ import annotations

from textwrap import indent

_FIELDS = r"""
name:
  description:
    - Name of the VIM, which is unique in its project. A VIM is its project and its name.
  type: str
  required: true
type:
  description:
    - Type of the cloud. Required for a VIM that does not exist.
  type: str
  choices: [openstack, kubernetes]
auth_url:
  description:
    - The URL to probe, http or https. Required for a VIM that does not exist.
    - A user name and a password in it are not stored; they belong into C(auth_cred).
  type: str
auth_cred:
  description:
    - Credentials for the cloud. The fleet stores them encrypted, and shows none that it does not know to be harmless.
    - The fleet compares them with those that it keeps, and says that one differs, but not how.
    - V(***) in the place of a value keeps the stored one.
  type: dict
vim_project:
  description:
    - The project of the cloud, such as C({"name":"nfv"}).
  type: dict
description:
  description:
    - Text for people.
  type: str
is_default:
  description:
    - Whether the VIM is the default of its project, which has at most one.
  type: bool
placement_attr:
  description:
    - Where the cloud can place resources, such as C({"regions":["RegionOne"]}).
  type: dict
extra:
  description:
    - Anything else to store with the VIM.
  type: dict
labels:
  description:
    - What people select VIMs by. Each label is a field of its own. Others that the VIM has are left alone.
  type: dict
engine:
  description:
    - Where its ping action runs.
  type: str
  choices: [embedded, mistral, external]
probe_policy:
  description:
    - How it is probed. Each part is a field of its own, and has its default if nobody sets it.
  type: dict
  suboptions:
    method:
      description:
        - How to probe. The default of the fleet is V(http).
      type: str
      choices: [http, tcp, ping]
    interval:
      description:
        - Time between two rounds of probes, such as V(30s). A bare number means seconds.
      type: str
    timeout:
      description:
        - Time after which an unanswered probe fails, such as V(500ms).
      type: str
    fall:
      description:
        - Failed probes until the VIM is UNREACHABLE, from 1 to 10.
      type: int
    rise:
      description:
        - Answered probes until the VIM is REACHABLE again, from 1 to 10.
      type: int
    tls_verify:
      description:
        - Whether to require a valid certificate.
      type: bool
    fail_for:
      description:
        - How long failures must last until the VIM is UNREACHABLE, such as V(1m).
      type: str
"""

_PROJECT = r"""
project:
  description:
    - Project of the VIM.
    - If it is not set, the only project of the caller, or V(default).
  type: str
"""

_HOW = r"""
apply_set:
  description:
    - Name under which VIMs are applied. A VIM belongs to at most one, the one that has registered it.
    - If it is not set, C(ansible).
  type: str
adopt:
  description:
    - Take in a VIM that belongs to another apply set, or to none, because somebody has registered it.
  type: bool
  default: false
force_conflicts:
  description:
    - Set fields also if others have set them to other values since.
  type: bool
  default: false
wait_for:
  description:
    - Wait until the VIM, or each of them, has this status. Not in check mode.
  type: str
  choices: [REACHABLE, UNREACHABLE, UNKNOWN, PENDING]
wait_timeout:
  description:
    - How long to wait, in seconds. After that, the task has failed.
  type: float
  default: 30.0
"""


class ModuleDocFragment:
    DOCUMENTATION = "options:\n" + indent(_FIELDS + _PROJECT + _HOW, "  ")

    LIST = (
        "options:\n"
        "  vims:\n"
        "    description:\n"
        "      - The VIMs, of which no two have the same project and name. At least one.\n"
        "    type: list\n"
        "    elements: dict\n"
        "    required: true\n"
        "    suboptions:\n"
    ) + indent(
        _FIELDS + _PROJECT.replace("the only project of the caller, or V(default)", "that of the task"), "      "
    )

    HOW = "options:\n" + indent(_HOW, "  ")
