"""Defines the base of all errors of vimesh.client, apart from those that take gRPC: see `client_errors`."""

from __future__ import annotations


class ClientError(Exception):
    """Base of all that vimesh.client raises, but for settings that cannot be used (`BadSetting`)."""
