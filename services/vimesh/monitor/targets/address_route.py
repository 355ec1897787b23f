"""Chooses which address of a VIM that is given by name a round tries next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from vimesh.monitor.net.ip_addresses import ProbeAddress


class AddressRoute:
    """Starts each round with the address that answered last, and confirms an answer at the address it came from."""

    __slots__ = ("_addresses", "_confirmed", "_covered", "_position", "_preferred", "_tried")

    def __init__(self) -> None:
        self._preferred: ProbeAddress | None = None
        self.clear()

    def __len__(self) -> int:
        return len(self._addresses)

    @property
    def preferred(self) -> ProbeAddress | None:
        """The address that a round is likely to start with; None until one has answered."""
        return self._preferred

    def clear(self) -> None:
        """Forget the round, but not which address answered last."""
        self._addresses: list[ProbeAddress] = []
        self._covered: Sequence[ProbeAddress] = ()
        self._tried: dict[int, ProbeAddress] = {}
        self._confirmed: ProbeAddress | None = None
        self._position = 0

    def begin(self, addresses: Sequence[ProbeAddress]) -> None:
        """Try these addresses in turn."""
        self.clear()
        self._addresses = list(addresses)
        self._covered = addresses
        preferred = self._preferred
        if preferred is not None and preferred in addresses:
            self._addresses.remove(preferred)
            self._addresses.insert(0, preferred)

    def untried(self, addresses: Iterable[ProbeAddress]) -> list[ProbeAddress]:
        """Return the addresses that were not among those the round started with."""
        return [address for address in addresses if address not in self._covered]

    def next(self, *, to_answering: bool) -> ProbeAddress:
        """Return where to send the next probe. `to_answering`: to the address that has just answered."""
        if to_answering and self._confirmed is not None:
            return self._confirmed
        address = self._addresses[self._position % len(self._addresses)]
        self._position += 1
        return address

    def drop(self, address: ProbeAddress) -> None:
        """Drop an address that this machine cannot send to; the next one takes its turn."""
        index = self._addresses.index(address)
        del self._addresses[index]
        if self._addresses:
            self._position = index % len(self._addresses)

    def record_sent(self, number: int, address: ProbeAddress) -> None:
        """Note where probe `number` of the round went."""
        self._tried[number] = address

    def record_answer(self, number: int) -> None:
        """Note that probe `number` of the round was answered."""
        address = self._tried.get(number)
        if address is not None:
            self._preferred = self._confirmed = address
