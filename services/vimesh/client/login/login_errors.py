"""Defines why there is no token. The messages are for people, and quote no secret."""

from __future__ import annotations

from vimesh.client.base_error import ClientError


class LoginFailed(ClientError):
    """The issuer gave no token that can be used."""


class IssuerUnavailable(LoginFailed):
    """The issuer did not answer, or not in time: it may later."""


class TokenRefused(LoginFailed):
    """The issuer refused to give a token."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(f"the issuer refuses: {description or code} ({code})")
        self.code = code
        """As in RFC 6749, section 5.2, and RFC 8628, section 3.5, such as `access_denied`."""


class LoginEnded(LoginFailed):
    """The token has ended or is about to, and there is no way to another one but to log in again."""

    def __init__(self, message: str, profile: str) -> None:
        super().__init__(message)
        self.profile = profile
        """Name of the profile to log in to."""
