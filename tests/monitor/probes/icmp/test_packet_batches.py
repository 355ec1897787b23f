from __future__ import annotations

import errno
import os
import select
import socket
import struct
from array import array
from collections.abc import Generator

import pytest

from vimesh.monitor.net.ip_addresses import ProbeAddress, pack_sockaddr, sockaddr_bytes
from vimesh.monitor.probes.icmp.packet_batches import BATCH, Inbox, Outbox, batch_calls

V4 = int(socket.AF_INET)


@pytest.fixture
def receivers() -> Generator[list[socket.socket]]:
    made = []
    for _ in range(3):
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.setblocking(False)
        one.bind(("127.0.0.1", 0))
        made.append(one)
    yield made
    for one in made:
        one.close()


@pytest.fixture
def sender() -> Generator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.setblocking(False)
        yield one


def names(ports: list[int]) -> bytes:
    return b"".join(pack_sockaddr(ProbeAddress(V4, ("127.0.0.1", port))) for port in ports)


def outbox() -> Outbox:
    return Outbox(batch_calls(), shared_bytes=8, sockaddr_bytes=sockaddr_bytes(V4))


def inbox(lead: int = 0) -> Inbox:
    return Inbox(batch_calls(), lead=lead, sockaddr_bytes=sockaddr_bytes(V4))


def test_each_packet_goes_to_its_address_with_its_number(sender: socket.socket, receivers: list[socket.socket]) -> None:
    numbers = (7, 2**63 + 8, 2**64 - 1)
    box = outbox()
    box.load(b"together", array("Q", numbers), names([one.getsockname()[1] for one in receivers]))

    assert box.send(sender.fileno(), 0, 3) == 3

    packets = [one.recv(100) for one in receivers]
    assert packets == [b"together" + struct.pack("=QQ", number, 2**64 - 1 - number) for number in numbers]


def test_a_packet_that_cannot_be_sent_is_found_and_passed_over(
    sender: socket.socket, receivers: list[socket.socket]
) -> None:
    ports, fd = [one.getsockname()[1] for one in receivers], sender.fileno()
    box = outbox()
    box.load(b"together", array("Q", range(3)), names([ports[0], 0, ports[2]]))  # nobody can be at port 0

    assert box.send(fd, 0, 3) == 1
    with pytest.raises(OSError, match=os.strerror(errno.EINVAL)):
        box.send(fd, 1, 3)
    assert box.send(fd, 2, 3) == 1

    assert [len(receivers[place].recv(100)) for place in (0, 2)] == [24, 24]


@pytest.mark.parametrize("lead", [0, 4])
def test_what_comes_in_is_read_column_by_column(
    sender: socket.socket, receivers: list[socket.socket], lead: int
) -> None:
    receiver = receivers[0]
    for number in range(BATCH + 5):
        body = bytes([number]) + bytes(7 - lead) + struct.pack("=Q", 1000 + number)
        sender.sendto(body, receiver.getsockname())
    select.select([receiver], [], [], 5)
    box, fd = inbox(lead), receiver.fileno()

    assert box.receive(fd) == BATCH
    assert box.lengths(BATCH).tolist() == [16 - lead] * BATCH
    assert list(box.octets(lead, BATCH)) == list(range(BATCH))
    assert box.words(8, BATCH).tolist() == [1000 + number for number in range(BATCH)]
    assert box.receive(fd) == 5
    assert box.words(8, 5).tolist() == [1000 + BATCH + number for number in range(5)]
    assert box.receive(fd) == 0


@pytest.mark.parametrize("lead", [0, 4])
def test_of_a_packet_nothing_is_seen_that_an_earlier_one_left_behind(
    sender: socket.socket, receivers: list[socket.socket], lead: int
) -> None:
    receiver, bodies = receivers[0], (b"a long one", b"short", b"")
    box = inbox(lead)
    for body in bodies:
        sender.sendto(body, receiver.getsockname())
        select.select([receiver], [], [], 5)

        assert box.receive(receiver.fileno()) == 1
        assert box.packet(0) == body


def test_each_packet_is_known_by_where_it_came_from(receivers: list[socket.socket]) -> None:
    receiver, box = receivers[0], inbox()
    for last in (5, 6):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.bind((f"127.0.0.{last}", 0))
            sender.sendto(b"from here", receiver.getsockname())
    select.select([receiver], [], [], 5)

    assert box.receive(receiver.fileno()) == 2
    assert [bytes(box.source(place)) for place in range(2)] == [bytes([127, 0, 0, 5]), bytes([127, 0, 0, 6])]


def test_addresses_of_both_families_are_as_the_kernel_takes_them() -> None:
    six = ProbeAddress(socket.AF_INET6, ("fe80::1", 0, 0, 3))

    assert pack_sockaddr(ProbeAddress(V4, ("127.1.2.3", 80))) == struct.pack("=H", V4) + b"\0\x50\x7f\1\2\3" + bytes(8)
    assert len(pack_sockaddr(six)) == sockaddr_bytes(six.family) == 28
    assert pack_sockaddr(six)[8:24] == socket.inet_pton(socket.AF_INET6, "fe80::1")
    assert struct.unpack("=I", pack_sockaddr(six)[24:])[0] == 3
