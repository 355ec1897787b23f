from __future__ import annotations

from tests.cli.own_conductor import store, user

__all__ = ["store", "user"]
