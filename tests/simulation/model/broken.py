"""Reports that a guarantee does not hold."""

from __future__ import annotations


class Broken(AssertionError):
    """A guarantee does not hold."""

    def __init__(self, guarantee: str, detail: object) -> None:
        super().__init__(f"{guarantee}: {detail}")
        self.guarantee = guarantee


def require(guarantee: str, said: object, expected: object) -> None:
    if said != expected:
        raise Broken(guarantee, f"{said} is not {expected}")
