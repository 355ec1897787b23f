"""Every kind of caller makes every kind of call at a secured front: exactly the allowed ones arrive."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from google.api import annotations_pb2
from grpc import aio

from tests.support.identities.callers import NOT_CONNECTED, PASSED, ask_tls, call, http_outcome
from tests.support.identities.certified import Certified, KeyPair
from tests.support.identities.recording_backends import CALL
from tests.support.identities.secured_fleets import ISSUER, SecuredFleet, secured_fleet
from tests.support.identities.tokens import SigningKey, claims_of, unsigned
from vimesh.certificates.spiffe_ids import Role
from vimesh.v1 import (
    access_service_pb2,
    availability_service_pb2,
    conductor_service_pb2,
    fleet_service_pb2,
    history_service_pb2,
    maintenance_service_pb2,
    notifier_service_pb2,
    receiver_service_pb2,
    vim_service_pb2,
    workflow_service_pb2,
)

STRANGER = "UNAUTHENTICATED IDENTITY_MISSING"
BAD_TOKEN = "UNAUTHENTICATED TOKEN_INVALID"
NOT_ALLOWED = "PERMISSION_DENIED ROLE_MISSING"
ID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
TWO_DAYS = timedelta(days=2)
AT_ONCE = 16

_ID_OF = re.compile(r"\{[a-z]+_id\}")
VIMS, CONDUCTOR, WORKFLOWS, RECEIVERS = (
    f"/vimesh.v1.{name}Service/" for name in ("Vim", "Conductor", "Workflow", "Receiver")
)
READ = {"reader", "operator", "admin", "driver"}
CHANGE = {"operator", "admin", "driver"}
PERSON_READS = {"reader", "operator", "admin"}
PERSON_CHANGES = {"operator", "admin"}
ANYONE = {""}
"""Whoever has an identity, whatever its roles."""

# By hand, so that the table of the code is compared with something.
CALLS: Mapping[str, set[str]] = {
    f"{CONDUCTOR}UpdateVim": {"reporter"},
    f"{CONDUCTOR}UpdateVims": {"reporter"},
    f"{CONDUCTOR}ReportConditions": {"reporter"},
    f"{CONDUCTOR}WatchActions": {"reporter", "admin"},
    f"{CONDUCTOR}ServeProbes": {"reporter"},
    f"{CONDUCTOR}ConfirmFailures": {"reporter"},
    f"{CONDUCTOR}GetVimCredentials": {"reporter"},
    f"{VIMS}RegisterVim": CHANGE,
    f"{VIMS}RegisterVims": PERSON_CHANGES,
    f"{VIMS}RegisterVimJson": PERSON_CHANGES,
    f"{VIMS}ApplyVims": PERSON_CHANGES,
    f"{VIMS}ModifyVim": CHANGE,
    f"{VIMS}ModifyVimJson": PERSON_CHANGES,
    f"{VIMS}DeregisterVim": CHANGE,
    f"{VIMS}ModifyVims": PERSON_CHANGES,
    f"{VIMS}DeregisterVims": PERSON_CHANGES,
    f"{VIMS}ModifyVimsJson": PERSON_CHANGES,
    f"{VIMS}DeregisterVimsJson": PERSON_CHANGES,
    f"{VIMS}BatchGetVims": PERSON_READS,
    f"{VIMS}GetVim": READ,
    f"{VIMS}ProbeVim": PERSON_READS,
    f"{VIMS}ExplainVim": PERSON_READS,
    f"{VIMS}ListVims": READ,
    f"{VIMS}ListVimEvents": READ,
    f"{VIMS}SummarizeVims": PERSON_READS | {"console"},
    f"{VIMS}WatchVims": READ,
    f"{WORKFLOWS}ClaimWorkflowTasks": {"driver"},
    f"{WORKFLOWS}FinishWorkflowTask": {"driver"},
    "/vimesh.v1.AccessService/WhoAmI": ANYONE,
    "/vimesh.v1.AccessService/GetQuota": PERSON_READS,
    "/vimesh.v1.FleetService/GetFleetStatus": PERSON_READS,
    "/vimesh.v1.AvailabilityService/QueryAvailability": PERSON_READS | {"console"},
    "/vimesh.v1.FleetService/ReportProcess": {"reporter", "driver", "notifier", "console"},
    "/vimesh.v1.FleetService/ListMonitors": PERSON_CHANGES,
    "/vimesh.v1.FleetService/DrainMonitor": PERSON_CHANGES,
    "/vimesh.v1.FleetService/ListCauses": PERSON_READS,
    "/vimesh.v1.FleetService/GetCause": PERSON_READS,
    "/vimesh.v1.MaintenanceService/CreateMaintenanceWindow": PERSON_CHANGES,
    "/vimesh.v1.MaintenanceService/CreateMaintenanceWindowJson": PERSON_CHANGES,
    "/vimesh.v1.MaintenanceService/EndMaintenanceWindow": PERSON_CHANGES,
    "/vimesh.v1.MaintenanceService/GetMaintenanceWindow": PERSON_READS,
    "/vimesh.v1.MaintenanceService/ListMaintenanceWindows": PERSON_READS,
    f"{RECEIVERS}CreateReceiver": PERSON_CHANGES,
    f"{RECEIVERS}CreateReceiverJson": PERSON_CHANGES,
    f"{RECEIVERS}GetReceiver": PERSON_READS,
    f"{RECEIVERS}ListReceivers": PERSON_READS,
    f"{RECEIVERS}ModifyReceiver": PERSON_CHANGES,
    f"{RECEIVERS}ModifyReceiverJson": PERSON_CHANGES,
    f"{RECEIVERS}DeleteReceiver": PERSON_CHANGES,
    f"{RECEIVERS}TestReceiver": PERSON_CHANGES,
    f"{RECEIVERS}ListNotifications": PERSON_READS,
    f"{RECEIVERS}GetNotification": PERSON_READS,
    f"{RECEIVERS}ResendNotifications": PERSON_CHANGES,
    f"{RECEIVERS}ResendNotificationsJson": PERSON_CHANGES,
    f"{RECEIVERS}DeleteNotifications": PERSON_CHANGES,
    f"{RECEIVERS}DeleteNotificationsJson": PERSON_CHANGES,
    "/vimesh.v1.NotifierService/AcquireReceivers": {"notifier"},
    "/vimesh.v1.NotifierService/ListNotices": {"notifier"},
    "/vimesh.v1.NotifierService/ListQueuedNotifications": {"notifier"},
    "/vimesh.v1.NotifierService/RecordDelivery": {"notifier"},
    "/vimesh.v1.HistoryService/ListSamples": PERSON_READS,
    "/vimesh.v1.HistoryService/RecordDigests": {"reporter"},
    "/grpc.health.v1.Health/Check": ANYONE,
    "/grpc.health.v1.Health/Watch": ANYONE,
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": {"admin"},
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": {"admin"},
    # What a later version may add, or nobody has: no role is for it.
    f"{VIMS}Unheard": set(),
    "/vimesh.v2.VimService/GetVim": set(),
    "/v1/vims": set(),
}
JSON: Mapping[tuple[str, str], set[str]] = {
    ("GET", "/v1/vims"): PERSON_READS | {"driver"},
    ("HEAD", "/v1/vims"): PERSON_READS | {"driver"},
    ("POST", "/v1/vims"): PERSON_CHANGES,
    ("GET", "/v1/vims:watch"): READ,
    ("GET", "/v1/vims:summarize"): PERSON_READS | {"console"},
    ("GET", "/v1/vims:batchGet"): PERSON_READS,
    ("POST", "/v1/vims:modify"): PERSON_CHANGES,
    ("POST", "/v1/vims:deregister"): PERSON_CHANGES,
    ("GET", f"/v1/vims/{ID}"): READ,
    ("PATCH", f"/v1/vims/{ID}"): PERSON_CHANGES,
    ("DELETE", f"/v1/vims/{ID}"): CHANGE,
    ("POST", f"/v1/vims/{ID}:probe"): PERSON_READS,
    ("GET", f"/v1/vims/{ID}:explain"): PERSON_READS,
    ("GET", f"/v1/vims/{ID}/events"): READ,
    ("GET", f"/v1/vims/{ID}/samples"): PERSON_READS,
    ("GET", "/v1/events"): READ,
    ("GET", "/v1/whoami"): ANYONE,
    ("GET", "/v1/quota"): PERSON_READS,
    ("GET", "/v1/fleet"): PERSON_READS,
    ("GET", "/v1/monitors"): PERSON_CHANGES,
    ("POST", f"/v1/monitors/{ID}:drain"): PERSON_CHANGES,
    ("GET", "/v1/causes"): PERSON_READS,
    ("GET", f"/v1/causes/{ID}"): PERSON_READS,
    ("GET", "/v1/availability"): PERSON_READS | {"console"},
    ("GET", "/v1/maintenanceWindows"): PERSON_READS,
    ("POST", "/v1/maintenanceWindows"): PERSON_CHANGES,
    ("GET", f"/v1/maintenanceWindows/{ID}"): PERSON_READS,
    ("POST", f"/v1/maintenanceWindows/{ID}:end"): PERSON_CHANGES,
    ("GET", "/v1/receivers"): PERSON_READS,
    ("POST", "/v1/receivers"): PERSON_CHANGES,
    ("GET", f"/v1/receivers/{ID}"): PERSON_READS,
    ("PATCH", f"/v1/receivers/{ID}"): PERSON_CHANGES,
    ("DELETE", f"/v1/receivers/{ID}"): PERSON_CHANGES,
    ("POST", f"/v1/receivers/{ID}:test"): PERSON_CHANGES,
    ("GET", f"/v1/receivers/{ID}/notifications"): PERSON_READS,
    ("POST", f"/v1/receivers/{ID}/notifications:resend"): PERSON_CHANGES,
    ("POST", f"/v1/receivers/{ID}/notifications:delete"): PERSON_CHANGES,
    ("GET", f"/v1/notifications/{ID}"): PERSON_READS,
}
REST: Mapping[tuple[str, str], set[str]] = {
    ("GET", "/v1.0/vims"): PERSON_READS,
    ("HEAD", "/v1.0/vims.json"): PERSON_READS,
    ("GET", f"/v1.0/vims/{ID}"): PERSON_READS,
    ("GET", "/v1.0/events?id=1"): PERSON_READS,
    ("POST", "/v1.0/vims"): PERSON_CHANGES,
    ("PUT", f"/v1.0/vims/{ID}"): PERSON_CHANGES,
    ("DELETE", f"/v1.0/vims/{ID}"): PERSON_CHANGES,
    ("PROPFIND", "/v1.0/vims"): PERSON_CHANGES,
}
# What Envoy answers by itself, and with what.
ANSWERED: Mapping[tuple[str, str], str] = {
    ("GET", "/nowhere"): "404",
    ("OPTIONS", "/v1/vims"): "204",
    ("PUT", "/v1/vims"): "405",
    ("POST", f"{VIMS}GetVim"): "415",
    ("HEAD", "/v1/vims:watch"): "200",
}
OPEN: Mapping[tuple[str, str], str] = {
    ("GET", "/healthz"): "200",
    ("GET", "/readyz"): "200",
    ("HEAD", "/readyz"): "200",
}
FORGED = {
    "x-vimesh-identity": "spiffe://vimesh/cli/admin",
    "x-vimesh-roles": "admin,reporter,driver,notifier,console",
    "x-vimesh-projects": "*",
    "x-vimesh-header-bytes": "1",
    "x-vimesh-more": "1",
}
FORGED_FOR_WSGI = {name.replace("-", "_"): value for name, value in FORGED.items()}


@dataclass(frozen=True, slots=True)
class Caller:
    identity: str = ""
    """What the front should find out; empty: nothing."""
    roles: Sequence[str] = ()
    projects: str = "*"
    pair: KeyPair | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    refusal: str = STRANGER
    """How all calls end if there is no identity."""

    def expected(self, roles: set[str]) -> str:
        if not self.identity:
            return self.refusal
        return PASSED if roles == ANYONE or roles & set(self.roles) else NOT_ALLOWED

    @property
    def told(self) -> dict[str, str]:
        """What conductors should hear."""
        said = {"roles": ",".join(self.roles), "projects": self.projects} if self.roles else {}
        return {"identity": self.identity, **said}


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def parts(certified: Certified) -> dict[str, Caller]:
    """Return a caller for each role of certificates."""
    roles = {
        (Role.MONITOR, "m1"): ["reporter"],
        (Role.EXECUTOR, "e1"): ["reporter"],
        (Role.BRIDGE, "b1"): ["reader", "reporter"],
        (Role.NOTIFIER, "n1"): ["notifier", "reader"],
        (Role.API, "a1"): ["driver"],
        (Role.CONSOLE, "s1"): ["console"],
        (Role.FRONT, "f2"): [],
        (Role.CONDUCTOR, "c2"): [],
        (Role.CLI, "admin"): ["admin"],
        (Role.CLI, "operator.bob"): ["operator"],
        (Role.CLI, "reader.carol.laptop"): ["reader"],
        (Role.CLI, "alice"): [],
        (Role.CLI, "administrator"): [],
        (Role.CLI, "reporter"): [],
    }
    return {
        f"{role} {name}": Caller(f"spiffe://vimesh/{role}/{name}", granted, pair=certified.pair(role, name))
        for (role, name), granted in roles.items()
    }


def people(key: SigningKey) -> dict[str, Caller]:
    """Return a caller for each kind of token."""

    def one(subject: str, roles: Sequence[str], projects: str, **claims: object) -> Caller:
        token = key.sign({**claims_of(subject), **claims})
        return Caller(f"{ISSUER}#{subject}", roles, projects, headers=bearer(token))

    return {
        "token reader": one("rita", ["reader"], "A", vimesh_roles="reader", vimesh_projects=["A"]),
        "token operator": one("olga", ["operator"], "A,B", vimesh_roles=["operator"], vimesh_projects="A B"),
        "token operator everywhere": one("otto", ["operator"], "*", vimesh_roles=["operator"], vimesh_projects=["*"]),
        "token admin": one("ada", ["admin"], "*", vimesh_roles=["admin"]),
        "token reporter": one("rob", ["reporter"], "A", vimesh_roles=["reporter"], vimesh_projects=["A"]),
        "token both": one("bo", ["reader", "reporter"], "A", vimesh_roles=["reader", "reporter"], vimesh_projects="A"),
        "token driver": one("dan", [], "", vimesh_roles=["driver", "root", 7]),
        "token notifier": one("nat", [], "", vimesh_roles=["notifier"]),
        "token console": one("con", [], "", vimesh_roles=["console"]),
        "token without roles": one("nora", [], ""),
    }


def strangers(certified: Certified, key: SigningKey, folder: Path) -> dict[str, Caller]:
    admin = claims_of("ada", vimesh_roles=["admin"])
    good = key.sign(admin)
    forger = SigningKey(key.key_id)
    old = certified.pair(Role.MONITOR, "m-old", issued_ago=TWO_DAYS)
    foreign = Certified(folder / "foreign").pair(Role.CLI, "admin")
    revoked = certified.pair(Role.MONITOR, "m-revoked")
    certified.revoke(Role.MONITOR, "m-revoked")
    tokens = {
        "forged": forger.sign(admin),
        "altered": good[:-8] + ("A" * 8),
        "expired": key.sign(claims_of("ada", lifetime_s=-3600, vimesh_roles=["admin"])),
        "without an end": key.sign({k: v for k, v in admin.items() if k != "exp"}),
        "for another service": key.sign(claims_of("ada", aud=["other"], vimesh_roles=["admin"])),
        "of another issuer": key.sign(claims_of("ada", iss="https://evil.example", vimesh_roles=["admin"])),
        "not yet valid": key.sign(claims_of("ada", nbf=2**31, vimesh_roles=["admin"])),
        "unsigned": unsigned(admin),
        "with a shared secret": key.sign_as_shared_secret(admin),
        "no token at all": "admin",
    }
    domain = "spiffe://vimesh/monitor/"
    return {
        "nobody": Caller(),
        "forged headers": Caller(headers=FORGED),
        "forged headers for WSGI": Caller(headers=FORGED_FOR_WSGI),
        "user and password": Caller(headers={"authorization": "Basic YWRtaW46YWRtaW4="}),
        "token without a subject": Caller(headers=bearer(key.sign({**admin, "sub": ""}))),
        "token with an odd subject": Caller(headers=bearer(key.sign({**admin, "sub": "a\tb"}))),
        "foreign domain, our authority": Caller(pair=certified.with_uris("spiffe://other/monitor/m1")),
        "two identities": Caller(pair=certified.with_uris(f"{domain}m1", "spiffe://vimesh/cli/admin")),
        "path too long": Caller(pair=certified.with_uris(f"{domain}m1/x")),
        "no SPIFFE ID": Caller(pair=certified.with_uris("https://vimesh/monitor/m1")),
        **{f"token {name}": Caller(headers=bearer(token), refusal=BAD_TOKEN) for name, token in tokens.items()},
        "revoked": Caller(pair=revoked, refusal=NOT_CONNECTED),
        "expired": Caller(pair=old, refusal=NOT_CONNECTED),
        "foreign authority": Caller(pair=foreign, refusal=NOT_CONNECTED),
    }


def mixed(certified: Certified, key: SigningKey) -> dict[str, Caller]:
    """Return callers with two proofs. The token counts; what else they say of themselves does not."""
    monitor = certified.pair(Role.MONITOR, "m2")
    operator = key.sign(claims_of("olga", vimesh_roles="operator", vimesh_projects="*"))
    bad = SigningKey("other").sign(claims_of("olga", vimesh_roles="admin"))
    return {
        "monitor with forged headers": Caller("spiffe://vimesh/monitor/m2", ["reporter"], pair=monitor, headers=FORGED),
        "monitor with a token": Caller(f"{ISSUER}#olga", ["operator"], pair=monitor, headers=bearer(operator)),
        "monitor with a bad token": Caller(pair=monitor, headers=bearer(bad), refusal=BAD_TOKEN),
        "token with forged headers": Caller(f"{ISSUER}#olga", ["operator"], headers={**bearer(operator), **FORGED}),
        "reader with forged WSGI headers": Caller(
            "spiffe://vimesh/cli/reader", ["reader"], pair=certified.pair(Role.CLI, "reader"), headers=FORGED_FOR_WSGI
        ),
    }


class Matrix:
    """Makes calls, and collects those that did not end as they should."""

    def __init__(self, fleet: SecuredFleet) -> None:
        self._fleet = fleet
        self._numbers = 0
        self._slots = asyncio.Semaphore(AT_ONCE)
        self.wrong: list[str] = []
        self.passed = 0

    async def try_everything(self, name: str, caller: Caller) -> None:
        context = self._fleet.certified.client_context(self._fleet.folder, caller.pair)
        credentials = self._fleet.certified.channel_credentials(caller.pair)
        async with aio.secure_channel(self._fleet.front, credentials) as channel, asyncio.TaskGroup() as group:
            for path, roles in CALLS.items():

                async def by_grpc(headers: Mapping[str, str], path: str = path) -> str:
                    return await call(channel, path, headers)

                group.create_task(self._try(f"{name}: {path}", caller, roles, by_grpc))
            for (method, path), roles in {**JSON, **REST}.items():
                arrives = self._http(context, method, path)
                rest = path.startswith("/v1.0/")
                group.create_task(self._try(f"{name}: {method} {path}", caller, roles, arrives, rest=rest))
            for (method, path), status in ANSWERED.items():
                group.create_task(self._answered(f"{name}: {method} {path}", caller, context, status))
            for (method, path), status in OPEN.items():
                group.create_task(self._open(f"{name}: {method} {path}", caller, context, status))

    def _http(self, context: ssl.SSLContext, method: str, path: str) -> Callable[[Mapping[str, str]], Awaitable[str]]:
        async def send(headers: Mapping[str, str]) -> str:
            typed = {**headers, "content-type": "application/json"}
            body = "{}" if method in {"POST", "PUT", "PATCH"} else None
            try:
                answer = await ask_tls(self._fleet.front, (method, path), context, typed, body)
            except OSError:
                return NOT_CONNECTED
            if method == "HEAD" and answer.status in {401, 403}:
                return str(answer.status)
            return PASSED if answer.status == 200 else http_outcome(answer)

        return send

    async def _try(
        self,
        what: str,
        caller: Caller,
        roles: set[str],
        made: Callable[[Mapping[str, str]], Awaitable[str]],
        *,
        rest: bool = False,
    ) -> None:
        self._numbers += 1
        number = str(self._numbers)
        async with self._slots:
            ended = await made({**caller.headers, CALL: number})
        expected = caller.expected(roles)
        arrived = (self._fleet.api if rest else self._fleet.conductor).calls.get(number)
        if "HEAD" in what and ended in {"401", "403"}:
            # It has no body, and so no reason.
            ended = expected if expected.startswith(("UNAUTH", "PERM")[ended == "403"]) else ended
        if rest and expected != NOT_CONNECTED:
            # Tacker's form of errors has no reasons.
            expected, ended = expected.partition(" ")[0], ended.partition(" ")[0]
        told = None if arrived is None else arrived.identity
        wanted = caller.told if expected == PASSED else None
        if (ended, told) != (expected, wanted):
            self.wrong.append(f"{what}: {ended} {told}, not {expected} {wanted}")
        if arrived is not None:
            self.passed += 1
            if arrived.peer != "spiffe://vimesh/front/front-1" or "authorization" in arrived.headers:
                self.wrong.append(f"{what}: came by {arrived.peer} with {sorted(arrived.headers)}")

    async def _answered(self, what: str, caller: Caller, context: ssl.SSLContext, status: str) -> None:
        ended = await self._status(what, caller, context)
        expected = caller.expected(ANYONE)
        wanted = {PASSED: status, NOT_CONNECTED: NOT_CONNECTED}.get(expected, "401")
        if ended != wanted:
            self.wrong.append(f"{what}: {ended}, not {wanted}")

    async def _open(self, what: str, caller: Caller, context: ssl.SSLContext, status: str) -> None:
        ended = await self._status(what, caller, context)
        bad_token = "401" if caller.refusal == BAD_TOKEN and not what.endswith("/readyz") else status
        wanted = NOT_CONNECTED if caller.refusal == NOT_CONNECTED else bad_token
        if ended != wanted:
            self.wrong.append(f"{what}: {ended}, not {wanted}")

    async def _status(self, what: str, caller: Caller, context: ssl.SSLContext) -> str:
        method, path = what.rpartition(": ")[2].split(" ")
        async with self._slots:
            try:
                answer = await ask_tls(self._fleet.front, (method, path), context, caller.headers)
            except OSError:
                return NOT_CONNECTED
        return str(answer.status)


def test_the_matrix_holds_all_of_the_contract() -> None:
    services = [
        service
        for file in (
            vim_service_pb2,
            conductor_service_pb2,
            workflow_service_pb2,
            access_service_pb2,
            availability_service_pb2,
            fleet_service_pb2,
            history_service_pb2,
            maintenance_service_pb2,
            notifier_service_pb2,
            receiver_service_pb2,
        )
        for service in file.DESCRIPTOR.services_by_name.values()
    ]
    methods = [method for service in services for method in service.methods]
    rules = [method.GetOptions().Extensions[annotations_pb2.http] for method in methods]
    bindings = [binding for rule in rules for binding in (rule, *rule.additional_bindings)]
    verbs = [(str(binding.WhichOneof("pattern") or ""), binding) for binding in bindings]
    paths = {(verb.upper(), _with_ids(getattr(binding, verb))) for verb, binding in verbs if verb}

    assert {f"/{method.containing_service.full_name}/{method.name}" for method in methods} <= set(CALLS)
    assert paths == {binding for binding in JSON if binding[0] != "HEAD"}


async def test_exactly_the_allowed_calls_arrive(tmp_path: Path) -> None:
    async with secured_fleet(tmp_path) as fleet:
        callers = {
            **strangers(fleet.certified, fleet.key, tmp_path),
            **parts(fleet.certified),
            **people(fleet.key),
            **mixed(fleet.certified, fleet.key),
        }
        matrix = Matrix(fleet)
        await fleet.until_connecting(callers["revoked"].pair, accepted=False)
        for name, caller in callers.items():
            await matrix.try_everything(name, caller)

    assert matrix.wrong == []
    assert matrix.passed > 200


def _with_ids(path: str) -> str:
    return _ID_OF.sub(ID, path)
