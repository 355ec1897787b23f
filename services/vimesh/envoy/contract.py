"""The descriptor set for the transcoder."""

from __future__ import annotations

from importlib.resources import files

_ERROR_DETAILS = "google/rpc/error_details.proto"


def with_error_details(contract: bytes) -> bytes:
    """Return the contract with the types of error details, without which the transcoder drops an error's body."""
    if _ERROR_DETAILS.encode() in contract:
        return contract
    # Two descriptor sets in a row are one: a repeated field goes on where it ended.
    return contract + files(__package__).joinpath("error_details.binpb").read_bytes()
