"""Runs a function of this process in a network namespace."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tests.support.networks.namespaces import Namespace

T = TypeVar("T")

_CLONE_NEWNET = 0x40000000


def run_inside(machine: Namespace, work: Callable[[], T]) -> T:
    """Do the work in a thread that has entered the namespace: only that thread moves, and the sockets it makes stay."""
    with ThreadPoolExecutor(1, initializer=_enter, initargs=(machine.name,)) as thread:
        return thread.submit(work).result()


def _enter(name: str) -> None:
    file = os.open(f"/run/netns/{name}", os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).setns(file, _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(file)
