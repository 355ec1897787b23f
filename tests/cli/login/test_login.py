"""People log in at a real issuer, and a real front knows them by what it says about them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.callers.commands import Command
from tests.support.identities.callers import LIMIT_S
from tests.support.issuers.browser import Browser
from tests.support.issuers.oidc_provider import RunningIssuer, running_issuer
from tests.support.issuers.people import PeopleSite, Person, people_site
from tests.support.timing.waiting import eventually, until

SOON = {"cache_duration: 60s": "cache_duration: 1s"}
"""How long the front uses the keys of an issuer: no test can wait for a minute."""


@asynccontextmanager
async def person_at(folder: Path, **settings: Any) -> AsyncGenerator[tuple[Person, PeopleSite]]:  # noqa: ANN401 - those of running_issuer
    async with running_issuer(folder / "issuer", **settings) as issuer, people_site(folder, issuer) as site:
        person = Person(Command(folder), issuer)
        await person.set_profile(site.address, site.authorities)
        yield person, site


async def test_a_person_logs_in_by_a_code_and_is_known_by_the_claims_of_the_token(tmp_path: Path) -> None:
    async with person_at(tmp_path) as (olga, _):
        before = await olga.type("vim", "list")
        await olga.log_in()

        known = await olga.whoami()
        registered = await olga.type("vim", "register", "a", "--auth-url", "http://192.0.2.1/v3")
        elsewhere = await olga.type("auth", "can-i", "register", "--project", "other")

        assert (before.code, "hint: vimesh login --profile mesh" in before.err) == (1, True)
        assert (known["identity"], known["roles"], known["projects"]) == (
            f"{olga.issuer.url}#olga",
            ["operator"],
            ["lab"],
        )
        assert registered.code == 0, registered.err
        assert (await olga.type("vim", "show", "a", "-o", "json")).json["project_id"] == "lab"
        assert elsewhere.code == 4
        assert {
            path.stat().st_mode & 0o777
            for path in olga.login_folder.rglob("*")
            if path.is_file() and not path.is_symlink()
        } == {0o600}
        assert olga.login_folder.stat().st_mode & 0o777 == 0o700


async def test_without_device_codes_a_browser_comes_back_to_the_command(tmp_path: Path) -> None:
    async with person_at(tmp_path, with_devices=False) as (rob, _):
        await rob.log_in("rob")

        assert (await rob.whoami())["roles"] == ["reader"]
        assert rob.stored()["refresh_token"]


async def test_who_is_denied_gets_no_token(tmp_path: Path) -> None:
    async with running_issuer(tmp_path / "issuer") as issuer:
        person = Person(Command(tmp_path), issuer)
        await person.set_profile("localhost:1", issuer.authorities)
        async with person.typing("login") as command:
            url = await person.page_of(command)
            await asyncio.to_thread(Browser(issuer.browser_context()).deny, url)

            assert await asyncio.to_thread(command.ended) == 1
        assert "error: the issuer refuses: " in "\n".join(command.lines)
        assert "(access_denied)" in "\n".join(command.lines)
        assert not person.login_folder.exists()


async def test_a_token_is_renewed_when_it_has_ended_and_while_a_watch_runs(tmp_path: Path) -> None:
    async with person_at(tmp_path, lifetime_s=3) as (olga, _):
        await olga.log_in()
        tokens, first = [olga.token], olga.stored()
        olga.let_token_age()

        await olga.whoami()

        tokens.append(olga.token)
        assert olga.stored()["refresh_token"] != first["refresh_token"]
        async with olga.typing("vim", "watch", "-o", "json") as watch:
            for _ in range(2):
                await until(lambda: olga.token != tokens[-1], LIMIT_S)
                tokens.append(olga.token)
            assert watch.process.poll() is None
        assert len(set(tokens)) == 4


async def test_a_login_that_was_revoked_ends_and_says_what_to_do(tmp_path: Path) -> None:
    async with person_at(tmp_path) as (olga, _):
        await olga.log_in()
        stored = (olga.login_folder / "login.json").read_text()
        token = olga.token
        assert (await olga.type("logout")).out == "logged out of profile mesh, and revoked the login\n"
        assert not olga.login_folder.exists()

        # A copy of the files, as a thief may have made.
        olga.login_folder.mkdir()
        (olga.login_folder / "login.json").write_text(stored)
        (olga.login_folder / "token").write_text(token)
        olga.let_token_age()
        ended = await olga.type("vim", "list")

        assert ended.code == 1
        assert "error: the login of profile mesh has ended\nhint: vimesh login --profile mesh\n" in ended.err
        assert olga.stored()["refresh_token"] == ""  # the issuer is not asked again


async def test_an_issuer_that_is_away_is_not_needed_until_the_token_ends(tmp_path: Path) -> None:
    async with person_at(tmp_path) as (olga, _):
        await olga.log_in()
        await olga.issuer.stop()
        expires_at = olga.stored()["expires_at"]
        olga.let_token_age()
        late = await olga.type("vim", "list")
        (olga.login_folder / "login.json").write_text(
            (olga.login_folder / "login.json").read_text().replace('"expires_at": 0', f'"expires_at": {expires_at}')
        )

        in_time = await olga.type("vim", "list")
        out = await olga.type("logout")

        assert (late.code, "cannot be reached" in late.err) == (5, True)
        assert in_time.code == 0, in_time.err
        assert (out.code, "the token was removed here, but the login was not revoked" in out.err) == (4, True)
        assert not olga.login_folder.exists()


@pytest.mark.parametrize("settings", [{"audience": "elsewhere"}, {"late_s": 7200, "lifetime_s": 600}])
async def test_a_token_for_others_or_from_the_past_is_refused(tmp_path: Path, settings: dict[str, Any]) -> None:
    async with person_at(tmp_path, **settings) as (olga, _):
        await olga.log_in()

        refused = await olga.type("vim", "list")

        assert refused.code == 1
        assert "the bearer token is not valid: forged, expired, or not for this fleet (TOKEN_INVALID)" in refused.err
        assert "hint: vimesh login gets a new token" in refused.err


async def test_a_token_of_an_issuer_that_the_fleet_does_not_name_is_refused(tmp_path: Path) -> None:
    async with (
        running_issuer(tmp_path / "issuer") as issuer,
        people_site(tmp_path, issuer, names="https://idp.example") as site,
    ):
        olga = Person(Command(tmp_path), issuer)
        await olga.set_profile(site.address, site.authorities)
        await olga.log_in()

        assert "(TOKEN_INVALID)" in (await olga.type("vim", "list")).err


async def test_the_front_follows_a_new_key_of_the_issuer(tmp_path: Path) -> None:
    async with (
        running_issuer(tmp_path / "issuer") as issuer,
        people_site(tmp_path, issuer, instead=SOON) as site,
    ):
        olga = Person(Command(tmp_path), issuer)
        await olga.set_profile(site.address, site.authorities)
        await olga.log_in()
        await olga.whoami()

        await issuer.replace_key()

        async def is_refused() -> bool:
            return "(TOKEN_INVALID)" in (await olga.type("whoami")).err

        await eventually(is_refused, LIMIT_S)  # the former key is not published any more
        olga.let_token_age()
        assert (await olga.whoami())["identity"] == f"{issuer.url}#olga"


async def test_two_commands_renew_a_login_once(tmp_path: Path) -> None:
    # oidc-provider ends a login if a refresh token comes twice.
    async with person_at(tmp_path) as (olga, _):
        await olga.log_in()
        olga.let_token_age()

        async with olga.typing("vim", "list") as one, olga.typing("vim", "list") as other:
            codes = [await asyncio.to_thread(each.ended) for each in (one, other)]

        assert codes == [0, 0], (one.lines, other.lines)
        assert olga.stored()["refresh_token"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda issuer: {"--issuer": f"{issuer.url}/"}, "is of another issuer: https://localhost:"),
        (lambda issuer: {"--issuer": issuer.url.replace("localhost", "127.0.0.1")}, "is of another issuer: https://lo"),
        (lambda _: {"--issuer-ca": ""}, "is not trusted: "),
        (lambda _: {"--issuer-ca": "/nonexistent"}, "/nonexistent"),
        (lambda _: {"--client-id": "somebody"}, "(invalid_client)"),
    ],
)
async def test_an_issuer_that_is_not_the_one_or_does_not_know_us_gives_nothing(
    tmp_path: Path, change: Callable[[RunningIssuer], dict[str, str]], says: str
) -> None:
    async with running_issuer(tmp_path / "issuer") as issuer:
        person = Person(Command(tmp_path), issuer)
        await person.set_profile("localhost:1", issuer.authorities)
        words = [word for pair in change(issuer).items() for word in pair]
        assert (await person.type("profile", "set", "mesh", *words)).code == 0

        done = await person.type("login")

        assert done.code == 1
        assert says in done.err
        assert not person.login_folder.exists()


async def test_a_token_that_is_no_jwt_is_explained(tmp_path: Path) -> None:
    async with running_issuer(tmp_path / "issuer", with_jwt=False) as issuer:
        person = Person(Command(tmp_path), issuer)
        await person.set_profile("localhost:1", issuer.authorities)
        async with person.typing("login") as command:
            url = await person.page_of(command)
            await asyncio.to_thread(Browser(issuer.browser_context()).approve, url, "olga")
            code = await asyncio.to_thread(command.ended)

        assert code == 1
        assert "that is no JWT; some do so unless the profile has a --resource" in "\n".join(command.lines)
        await person.set_profile("localhost:1", issuer.authorities, "--resource", "https://mesh.example")
        await person.log_in()
        assert person.token.count(".") == 2
