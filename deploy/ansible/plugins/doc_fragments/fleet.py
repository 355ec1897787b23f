"""Documents what all modules have in common."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  address:
    description:
      - Where the front of the fleet is, C(host:port), or C(unix:) and the path of a socket.
      - If it is not set, the environment variable E(VIMESH_ADDRESS), or the address of the profile, or
        C(127.0.0.1:7600).
    type: str
  credentials:
    description:
      - Folder on the host that runs the module, with what to show to the fleet, C(tls.crt) and C(tls.key), C(ca.crt),
        C(token), each of which may be missing.
      - If it is not set, the environment variable E(VIMESH_CREDENTIALS), or the credentials of the profile if the front
        is its own. If there are none, TLS is not used.
    type: path
  profile:
    description:
      - Name of a profile of C(vimesh profile).
      - If it is not set, the environment variable E(VIMESH_PROFILE), or the current profile of the user, if any.
    type: str
  call_timeout:
    description:
      - Time limit of a call with all its attempts, in seconds.
    type: float
    default: 10.0
requirements:
  - python >= 3.11 on the host that runs the module, mostly C(localhost)
  - vimesh there, of the same version as the collection or newer, as by C(pip install 'vimesh[client]')
"""
