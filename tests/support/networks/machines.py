"""Makes machines on one network, each with addresses, processes and a folder of its own."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.networks.namespaces import Namespace, namespace

_PREFIX_LENGTH = 24


@dataclass(frozen=True)
class Machine:
    name: str
    namespace: Namespace
    folder: Path
    """What it has at `mount_point`."""
    mount_point: Path

    def command(self, *words: str) -> list[str]:
        """Return a command line that starts a command as the first process of the machine: with it, all others end."""
        apart = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
        return self.namespace.command(*apart, *self._with_folder(*words))

    def command_beside(self, *words: str) -> list[str]:
        """Return a command line that runs a command with the network and the folder of the machine, but apart."""
        return self.namespace.command(*self._with_folder(*words))

    def _with_folder(self, *words: str) -> list[str]:
        # `ip netns exec` makes mounts that nobody else sees.
        mount = f"mount -t tmpfs none {self.mount_point.parent} && mkdir {self.mount_point}"
        return ["sh", "-c", f'{mount} && mount --bind {self.folder} {self.mount_point} && exec "$@"', "sh", *words]


@contextmanager
def machines_on_one_network(
    addresses: Mapping[str, str], folder: Path, mount_point: Path
) -> Generator[dict[str, Machine]]:
    """Make a machine for each name, with its address.

    Args:
        folder: Where the folders of the machines are, by their names.
        mount_point: Where each machine sees its own, such as `/srv/mesh`. All else in the folder above is hidden there.
    """
    with ExitStack() as stack:
        switch = stack.enter_context(namespace())
        switch.run("ip", "link", "add", "switch", "type", "bridge")
        switch.run("ip", "link", "set", "switch", "up")
        machines = dict[str, Machine]()
        for name, address in addresses.items():
            machine = stack.enter_context(namespace())
            _plug(machine, switch, name, address)
            (folder / name).mkdir()
            machines[name] = Machine(name, machine, folder / name, mount_point)
        yield machines


def _plug(machine: Namespace, switch: Namespace, name: str, address: str) -> None:
    cable: Sequence[str] = ("type", "veth", "peer", "name", "eth0", "netns", machine.name)
    switch.run("ip", "link", "add", name, *cable)
    switch.run("ip", "link", "set", name, "master", "switch", "up")
    machine.run("ip", "address", "add", f"{address}/{_PREFIX_LENGTH}", "dev", "eth0")
    machine.run("ip", "link", "set", "eth0", "up")
