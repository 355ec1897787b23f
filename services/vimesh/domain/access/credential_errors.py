"""Defines the errors of credentials that are handed out. `vimesh.domain.errors` lists them with the others."""

from __future__ import annotations

from collections.abc import Mapping

from vimesh.domain.errors import VimeshError


class LoginNotWanted(VimeshError):
    def __init__(self, vim_id: str) -> None:
        super().__init__(
            f"this action may not log in to VIM {vim_id}: its policy needs the depth LOGIN, and only the first vantage "
            "logs in"
        )
        self.vim_id = vim_id

    @property
    def metadata(self) -> Mapping[str, str]:
        return {"vim_id": self.vim_id}


class InsecureFleet(VimeshError):
    def __init__(self) -> None:
        super().__init__(
            "this fleet does not authenticate callers, so it hands out no credentials; "
            "start `vimesh up` without --insecure, or give the fleet file a section `security`"
        )


class CredentialsUnreadable(VimeshError):
    def __init__(self, vim_id: str) -> None:
        super().__init__(f"no key in the key file decrypts the credentials of VIM {vim_id}; enter them again")
        self.vim_id = vim_id

    @property
    def metadata(self) -> Mapping[str, str]:
        return {"vim_id": self.vim_id}
