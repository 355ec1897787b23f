"""Makes the network: the clouds and each monitor are machines of their own, and a router is between them."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tests.support.networks.name_server import system_files
from tests.support.networks.namespaces import Namespace, namespace

NAME_SERVER = "10.99.0.53"
REFERENCES = ("10.99.0.1", "10.99.0.2")
"""What shows that the way to the clouds works; it is behind the router, as the clouds are."""
_CLOUDS = "10.0.0.0/8"

# Whoever sends is not told: the router drops what it was to pass on. With `rejected`, it says so.
_RULES = """
table inet roads {
  set cut { type ifname; }
  set lost { type ipv4_addr; flags interval; }
  set rejected { type ipv4_addr; flags interval; }
  chain forward {
    type filter hook forward priority 0; policy accept;
    iifname @cut drop
    ip daddr @lost drop
    ip daddr @rejected reject with icmp type host-unreachable
  }
}
"""


@dataclass(frozen=True, slots=True)
class Roads:
    router: Namespace
    clouds: Namespace
    """All addresses of 10.0.0.0/8 are its own."""
    monitors: Mapping[str, Namespace]

    def block(self, kind: str, elements: Iterable[str]) -> None:
        """Drop what comes from monitors (`cut`), or what goes to networks (`lost`); or refuse it (`rejected`)."""
        self._edit("add", kind, elements)

    def unblock(self, kind: str, elements: Iterable[str]) -> None:
        self._edit("delete", kind, elements)

    def _edit(self, verb: str, kind: str, elements: Iterable[str]) -> None:
        members = ", ".join(f'"{each}"' if kind == "cut" else each for each in elements)
        self.router.run("nft", "-f", "-", stdin=f"{verb} element inet roads {kind} {{ {members} }}\n")


@contextmanager
def roads(monitors: Iterable[str]) -> Generator[Roads]:
    """Make the machines. All ask one name server, at NAME_SERVER."""
    with ExitStack() as stack:
        router = stack.enter_context(namespace())
        # The kernel would say only once a second for each address that it is not reachable.
        router.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.icmp_ratelimit=0")
        router.run("nft", "-f", "-", stdin=_RULES)
        clouds = stack.enter_context(namespace())
        _plug(router, clouds, "clouds", 0)
        clouds.run("ip", "route", "add", "local", _CLOUDS, "dev", "lo")
        router.run("ip", "route", "add", _CLOUDS, "via", "172.16.0.2")
        machines = {}
        for number, name in enumerate(monitors, 1):
            machines[name] = stack.enter_context(namespace())
            _plug(router, machines[name], name, number)
            stack.enter_context(system_files(machines[name], resolv_conf=f"nameserver {NAME_SERVER}\n"))
        yield Roads(router, clouds, machines)


def _plug(router: Namespace, machine: Namespace, name: str, number: int) -> None:
    router.run("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", machine.name)
    for end, device, last in ((router, name, 1), (machine, "eth0", 2)):
        end.run("ip", "address", "add", f"172.16.{number}.{last}/24", "dev", device)
        end.run("ip", "link", "set", device, "up")
    machine.run("ip", "route", "add", "default", "via", f"172.16.{number}.1")
