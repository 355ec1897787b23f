"""Defines which services VIMs have, as far as a probe can judge them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Final

from vimesh.domain.endpoints import Endpoint


class Service(StrEnum):
    """What an auth_url leads to."""

    KEYSTONE = "KEYSTONE"
    KUBERNETES = "KUBERNETES"

    @classmethod
    def of(cls, vim_type: str) -> Service | None:
        """Return the service of VIMs of a type; None: it is not known."""
        return _BY_TYPE.get(vim_type)

    def endpoint(self, endpoint: Endpoint) -> Endpoint:
        """Return where it says whether it is ready: Keystone at its auth_url, an API server below it."""
        if self is Service.KEYSTONE:
            return endpoint
        path = endpoint.path.partition("?")[0].rstrip("/")
        return replace(endpoint, path=f"{path}/readyz")


_BY_TYPE: Final[Mapping[str, Service]] = {"openstack": Service.KEYSTONE, "kubernetes": Service.KUBERNETES}

# `[+]ping ok`: k8s.io/apiserver, pkg/server/healthz/healthz.go writes a line for each check if one has failed.
_CHECK = re.compile(rb"\s{0,8}\[[+-]\][A-Za-z0-9]")
_INTERNAL_SERVER_ERROR: Final = 500


def is_api_server(code: int, body: bytes) -> bool:
    """Return whether an answer of `/readyz` that is an error comes from an API server of Kubernetes all the same."""
    return code == _INTERNAL_SERVER_ERROR and _CHECK.match(body) is not None
