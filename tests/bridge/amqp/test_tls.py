"""TLS to the broker with an authority of one's own, and certificates in place of passwords."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from tests.bridge.direct import clear, declare, dial
from tests.support.amqp.broker_definitions import User, definitions
from tests.support.amqp.brokers import running_broker
from tests.support.clouds.authorities import Authority
from tests.support.clouds.targets import free_port
from vimesh.bridge.amqp.broker import BrokerAway
from vimesh.bridge.config.deployment import Deployment, deployment
from vimesh.domain.errors import BadSetting

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

_USER = "vimesh-bridge"
_WANTED = "the broker may want another certificate, see ssl_cert_file and ssl_key_file$"
_SETTINGS = """
listeners.ssl.1 = 127.0.0.1:{port}
ssl_options.cacertfile = {authority}
ssl_options.certfile = {certificate}
ssl_options.keyfile = {key}
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = true
ssl_cert_login_from = common_name
auth_mechanisms.1 = PLAIN
auth_mechanisms.2 = AMQPLAIN
auth_mechanisms.3 = EXTERNAL
"""


@dataclass(frozen=True)
class World:
    folder: Path
    port: int
    plain_port: int
    ours: dict[str, str]
    """Options with which everything is in order."""
    stranger: dict[str, str]
    """A certificate that another authority has signed."""

    def read(
        self, options: dict[str, str], *, account: str = "guest:guest", host: str = "127.0.0.1", port: int = 0
    ) -> Deployment:
        """Return what a file with these options says."""
        lines = [f"{name} = {value}" for name, value in ({"ssl": "true"} | options).items() if value]
        file = self.folder / "tacker.conf"
        url = f"transport_url = rabbit://{account}@{host}:{port or self.port}/"
        file.write_text("\n".join(["[DEFAULT]", url, "[oslo_messaging_rabbit]", *lines]) + "\n")
        return deployment(None, [file])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[World]:
    folder, port = tmp_path_factory.mktemp("tls"), free_port()
    ours, others = Authority(folder, "ours"), Authority(folder, "others")
    server, client = ours.sign("broker", "127.0.0.1"), ours.sign(_USER)
    stranger = others.sign(_USER)
    settings = _SETTINGS.format(port=port, authority=ours.file, certificate=server.certificate, key=server.key)
    options = {
        "ssl_ca_file": str(ours.file),
        "ssl_cert_file": str(client.certificate),
        "ssl_key_file": str(client.key),
    }
    shown = {"ssl_cert_file": str(stranger.certificate), "ssl_key_file": str(stranger.key)}
    (rabbit := folder / "rabbit").mkdir()
    settings += definitions(folder, [User(_USER)])
    async with running_broker(rabbit, settings, plugins="rabbitmq_auth_mechanism_ssl") as broker:
        yield World(folder, port, broker.port, options, shown)


@pytest.mark.parametrize("version", ["", "SSLv23", "TLSv1_2", "TLSv1_3"])
async def test_a_certificate_is_shown_and_the_brokers_is_checked(world: World, version: str) -> None:
    what = world.read(world.ours | {"ssl_version": version})

    assert (await declare(what)).is_ours
    await clear(what)


async def test_a_certificate_stands_in_place_of_user_and_password(world: World) -> None:
    what = world.read(world.ours | {"rabbit_login_method": "EXTERNAL"}, account="nobody:wrong")

    assert (await declare(what)).is_ours
    await clear(what)


@pytest.mark.parametrize(
    ("changes", "host", "says"),
    [
        ({"ssl_ca_file": ""}, "127.0.0.1", r"certificate verify failed: .*: ssl_ca_file must hold the CA that signed"),
        ({}, "localhost", r"Hostname mismatch.*: transport_url must name the host as its certificate does$"),
        ({"ssl_cert_file": "", "ssl_key_file": ""}, "127.0.0.1", _WANTED),
        ("stranger", "127.0.0.1", _WANTED),
    ],
    ids=["unknown-authority", "another-host", "no-certificate", "stranger"],
)
async def test_what_is_wrong_is_told(world: World, changes: dict[str, str] | str, host: str, says: str) -> None:
    what = world.read(world.ours | (world.stranger if isinstance(changes, str) else changes), host=host)

    with pytest.raises(BrokerAway) as away:
        await dial(what)

    assert re.search(says, away.value.why), away.value.why


async def test_a_port_without_tls_is_told(world: World) -> None:
    with pytest.raises(BrokerAway) as away:
        await dial(world.read(world.ours, port=world.plain_port))

    assert away.value.why.endswith("this port does not speak TLS; port 5671 usually does"), away.value.why


async def test_a_port_with_tls_is_told(world: World) -> None:
    with pytest.raises(BrokerAway) as away:
        await dial(world.read({"ssl": "false"}))

    assert away.value.why.endswith("if this port speaks TLS, set ssl"), away.value.why


async def test_a_key_that_does_not_belong_to_the_certificate_is_refused_at_the_start(world: World) -> None:
    key = world.stranger["ssl_key_file"]

    with pytest.raises(BadSetting, match=re.escape(f"ssl_key_file {key}: KEY_VALUES_MISMATCH")):
        world.read(world.ours | {"ssl_key_file": key})


async def test_a_key_with_a_password_is_refused_at_the_start(world: World, tmp_path: Path) -> None:
    locked = Authority(tmp_path, "ours").sign("client", password="locked")

    with pytest.raises(BadSetting, match="the key has a password"):
        world.read({"ssl_cert_file": str(locked.certificate), "ssl_key_file": str(locked.key)})
