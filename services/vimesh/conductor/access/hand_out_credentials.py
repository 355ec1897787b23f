"""Hands the credentials of VIMs to monitors, and to nobody else."""

from __future__ import annotations

from vimesh.certificates.spiffe_ids import BadIdentity, Role, parse_spiffe_id
from vimesh.domain.access.caller import OPEN_CALLER, Caller
from vimesh.domain.access.credential_errors import InsecureFleet
from vimesh.domain.access.vim_credentials import VimCredentials
from vimesh.domain.errors import PermissionDenied
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import BadAction, Engine
from vimesh.rpc.call_entrance import note_change
from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.wire.free_form import fill
from vimesh.wire.request_messages import id_of


def require_monitor_certificate(caller: Caller) -> None:
    """Raise InsecureFleet if nobody was asked who calls, PermissionDenied unless it is a monitor.

    Only a certificate gives a caller the name of a part: so the call came to the front by mutual TLS.
    """
    if caller is OPEN_CALLER:
        raise InsecureFleet
    caller.require_engine(Engine.EMBEDDED)
    caller.require_all_projects("a monitor that logs in")
    try:
        role = parse_spiffe_id(caller.identity).role
    except BadIdentity:
        role = None
    if role is not Role.MONITOR:
        raise PermissionDenied("only monitors get credentials of VIMs, by their own certificates")


async def hand_out_credentials(
    store: VimStore, caller: Caller, request: pb.GetVimCredentialsRequest
) -> pb.GetVimCredentialsResponse:
    """Return the credentials, and have the audit record that. Raises what the check of the caller and the store do."""
    require_monitor_certificate(caller)
    vim_id = id_of(request.vim_id)
    found = await store.read_credentials(vim_id, request.action_id, caller)
    if isinstance(found, BadAction):
        note_change(vim_id=vim_id, outcome="BAD_ACTION")
        return pb.GetVimCredentialsResponse(bad_action=pb.BadAction())
    note_change(vim_id=vim_id, project_id=found.project_id)
    return pb.GetVimCredentialsResponse(credentials=_message(found))


def _message(found: VimCredentials) -> pb.VimCredentials:
    message = pb.VimCredentials(type=found.type, regions=found.regions)
    fill(message.auth_cred, found.auth_cred)
    fill(message.vim_project, found.vim_project)
    return message
