"""VIMs of a Tacker on MariaDB come into a fleet, with a real conductor."""

from __future__ import annotations

import datetime as dt
import time
import uuid

from sqlalchemy import text

from tests.support.callers.commands import Command
from tests.support.deployments.conductor_process import Conductor
from tests.tacker.importing import results, take
from tests.tacker.site import Site


def test_a_dry_run_says_what_would_happen_and_changes_nothing(
    vimesh: Command, site: Site, conductor: Conductor, project: str
) -> None:
    vim_id = site.openstack(name="lab", tenant_id=project)
    before = conductor.count()

    done = take(vimesh, site)

    assert done.code == 0, done.err
    assert done.json == [
        {
            "name": "lab",
            "id": vim_id,
            "project_id": project,
            "type": "openstack",
            "auth_url": "http://192.0.2.1:5000/v3",
            "result": "import",
            "detail": "",
        }
    ]
    assert "1 VIM: 1 to import. Nothing was changed; use --apply to import" in done.err
    assert conductor.count() == before


def test_a_vim_keeps_its_id_project_content_and_credentials(
    vimesh: Command, site: Site, conductor: Conductor, project: str
) -> None:
    vim_id = site.openstack(name="lab", tenant_id=project, description="the lab", is_default=True, extra={"rack": "b"})

    done = take(vimesh, site, "--apply")

    assert done.code == 0, done.err
    assert results(done) == {vim_id: "imported"}
    shown = vimesh("vim", "show", vim_id, "-o", "json").json
    assert (shown["name"], shown["project_id"], shown["description"]) == ("lab", project, "the lab")
    assert (shown["is_default"], shown["extra"]) == (True, {"rack": "b"})
    assert shown["placement_attr"] == {"regions": ["RegionOne"]}
    assert shown["vim_project"] == {"name": "nfv", "project_domain_name": "Default"}
    assert shown["monitor"]["engine"] == "EXTERNAL"
    # As the user typed them: what Tacker derives is not there.
    assert conductor.secrets_of(vim_id) == {
        "username": "nfv_user",
        "password": "devstack-secret",
        "user_domain_name": "Default",
        "cert_verify": "True",
    }


def test_an_engine_and_a_method_are_taken_for_all(vimesh: Command, site: Site, project: str) -> None:
    vim_id = site.openstack(tenant_id=project)

    assert take(vimesh, site, "--apply", "--engine", "embedded", "--method", "ping").code == 0

    shown = vimesh("vim", "show", vim_id, "-o", "json").json
    assert (shown["monitor"]["engine"], shown["probe_policy"]["method"]) == ("EMBEDDED", "PING")


def test_a_second_import_finds_all_present_and_leaves_alone_what_differs(
    vimesh: Command, site: Site, project: str
) -> None:
    same, changed = site.openstack(tenant_id=project), site.openstack(tenant_id=project)
    assert take(vimesh, site, "--apply").code == 0
    assert vimesh("vim", "set", same, "--engine", "embedded").code == 0
    assert vimesh("vim", "set", changed, "--name", "other", "--auth-url", "http://192.0.2.9/v3").code == 0

    for flags in ((), ("--apply",)):
        done = take(vimesh, site, *flags)

        assert done.code == 4
        assert results(done) == {same: "present", changed: "differs: name, auth_url"}
    assert vimesh("vim", "show", changed, "-o", "json").json["name"] == "other"


def test_a_vim_that_cannot_be_imported_does_not_stop_the_others(vimesh: Command, site: Site, project: str) -> None:
    good, lost, wrong, broken, refused, foreign, barbican = (
        site.openstack(tenant_id=project),
        site.openstack(tenant_id=project),
        site.openstack(tenant_id=project),
        site.openstack(tenant_id=project),
        site.openstack(tenant_id=project, auth_url="ftp://192.0.2.1"),
        site.openstack(tenant_id=project, type="vmware"),
        site.kubernetes(tenant_id=project),
    )
    (site.keys / lost).unlink()
    (site.keys / wrong).write_bytes((site.keys / good).read_bytes())
    (site.keys / broken).write_text("no key")

    done = take(vimesh, site, "--apply")

    assert done.code == 4
    said = results(done)
    assert said[good] == "imported"
    assert said[lost].startswith(f"cannot: its key file {site.keys / lost} is missing: copy it")
    assert said[wrong].startswith(f"cannot: its key file {site.keys / wrong} does not decrypt its password")
    assert said[broken].startswith(f"cannot: its key file {site.keys / broken} holds no Fernet key")
    assert said[refused] == "cannot: vimesh refuses its auth_url: must start with http:// or https://"
    assert said[foreign] == "cannot: its type is 'vmware'; known types: openstack and kubernetes"
    assert said[barbican].startswith("cannot: its key is in Barbican: save the payload of the secret as ")
    assert "7 VIMs: 1 imported, 6 cannot be imported" in done.err
    assert [vim["id"] for vim in vimesh("vim", "list", "--project", project, "-o", "json").json] == [good]


def test_a_key_fetched_from_barbican_opens_a_kubernetes_vim(
    vimesh: Command, site: Site, conductor: Conductor, project: str
) -> None:
    vim_id = site.kubernetes(tenant_id=project)
    (site.keys / vim_id).write_bytes(site.barbican[vim_id] + b"\n")

    assert results(take(vimesh, site, "--apply")) == {vim_id: "imported"}
    assert conductor.secrets_of(vim_id) == {
        "bearer_token": "token-secret",
        "ssl_ca_cert": "-----BEGIN CERTIFICATE-----",
    }


def test_a_vim_comes_without_secrets_when_that_is_allowed(
    vimesh: Command, site: Site, conductor: Conductor, project: str
) -> None:
    vim_id, other = site.kubernetes(tenant_id=project), site.openstack(tenant_id=project)

    done = take(vimesh, site, "--apply", "--without-secrets", "--fernet-keys", str(site.keys))

    assert results(done) == {vim_id: "imported: without bearer_token, ssl_ca_cert", other: "imported"}
    assert conductor.secrets_of(vim_id) == {}
    # Who adds the secrets later has not changed anything else.
    (tmp := vimesh.folder / "vim.yaml").write_text(
        "auth_url: https://192.0.2.2:6443\ntype: kubernetes\nproject_name: default\n"
        "bearer_token: later\nssl_ca_cert: later\n"
    )
    assert vimesh("vim", "set", vim_id, "--config-file", str(tmp)).code == 0
    again = take(vimesh, site, "--without-secrets")
    assert results(again) == {vim_id: "present", other: "present"}


def test_a_name_or_default_that_another_vim_holds_is_said_before_and_when_it_is_tried(
    vimesh: Command, site: Site, project: str
) -> None:
    taken, default, free = (
        site.openstack(name="lab", tenant_id=project),
        site.openstack(tenant_id=project, is_default=True),
        site.openstack(name="LAB2", tenant_id=project),
    )
    flags = ("--auth-url", "http://192.0.2.3/v3", "--project", project)
    assert vimesh("vim", "register", "lab", *flags, "--default").code == 0

    for flag, good in ((), "import"), (("--apply",), "imported"):
        done = take(vimesh, site, *flag)

        assert done.code == 4
        said = results(done)
        assert said[taken].startswith(f"cannot: project {project} already has a VIM named lab")
        assert said[default].startswith(f"cannot: project {project} already has a default VIM")
        assert "vimesh vim set OTHER --no-default" in said[default]
        assert said[free] == good


def test_what_the_dry_run_shows_of_vims_that_want_the_same_is_what_is_done(
    vimesh: Command, site: Site, project: str
) -> None:
    # A race leaves two defaults in Tacker. Old releases have no unique name.
    with site.engine.begin() as connection:
        connection.execute(text("ALTER TABLE vims DROP INDEX uniq_vims0tenant_id0name0deleted_at"))
    shared = uuid.uuid4().int & ~0xFF
    first, second, named_so, named_too = (str(uuid.UUID(int=shared + last)) for last in range(4))
    many = [str(uuid.UUID(int=shared + 16 + last)) for last in range(20)]
    for last, vim_id in enumerate((second, first, *reversed(many))):
        site.openstack(id=vim_id, name=f"os{last}", tenant_id=project, is_default=True)
    for vim_id in (named_too, named_so):
        site.openstack(id=vim_id, name="same", tenant_id=project)

    shown, done, again = take(vimesh, site), take(vimesh, site, "--apply"), take(vimesh, site, "--apply")

    assert (shown.code, done.code) == (4, 4)
    said = results(shown)
    assert (said[first], said[named_so]) == ("import", "import")
    for other in (second, *many):
        assert said[other].startswith(f"cannot: project {project} already has a default VIM (os1): unset")
    assert said[named_too].startswith(f"cannot: project {project} already has a VIM named same ({named_so}): rename")
    assert results(done) == said | {first: "imported", named_so: "imported"}
    assert results(again) == said | {first: "present", named_so: "present"}


def test_vims_come_without_being_the_default_when_that_is_asked_for(vimesh: Command, site: Site, project: str) -> None:
    ids = [site.openstack(tenant_id=project, is_default=True) for _ in range(3)]

    done = take(vimesh, site, "--apply", "--no-default")

    assert (done.code, set(results(done).values())) == (0, {"imported"})
    assert not any(vimesh("vim", "show", vim_id, "-o", "json").json["is_default"] for vim_id in ids)
    assert vimesh("vim", "set", ids[0], "--default").code == 0
    assert results(take(vimesh, site, "--no-default")) == dict.fromkeys(ids, "present")
    assert results(take(vimesh, site))[ids[1]] == "differs: is_default"


def test_nothing_is_promised_when_there_is_nothing_to_import(vimesh: Command, site: Site, project: str) -> None:
    nothing = take(vimesh, site)
    vim_id = site.openstack(tenant_id=project)
    (site.keys / vim_id).unlink()
    unfit = take(vimesh, site)

    assert "0 VIMs: none found. Nothing to import" in nothing.err
    assert "1 VIM: 1 cannot be imported. Nothing to import" in unfit.err
    assert "--apply" not in nothing.err + unfit.err


def test_deleted_vims_are_no_vims(vimesh: Command, site: Site, project: str) -> None:
    old = site.openstack(name="old", tenant_id=project, deleted_at=None)
    site.openstack(name="lab", tenant_id=project, deleted_at=dt.datetime(2024, 5, 6, 7, 8, 9))  # noqa: DTZ001 - as stored
    live = site.openstack(name="lab", tenant_id=project)

    assert set(results(take(vimesh, site))) == {old, live}


def test_a_move_vim_by_vim_names_them(vimesh: Command, site: Site, project: str) -> None:
    named, by_id, elsewhere = (
        site.openstack(name="lab", tenant_id=project),
        site.openstack(name="Lab2", tenant_id=project),
        site.openstack(name="lab", tenant_id="elsewhere"),
    )

    assert set(results(take(vimesh, site, "--name", "lab", "--vim-id", by_id))) == {named, by_id, elsewhere}
    assert set(results(take(vimesh, site, "--name", "lab", "--project", project))) == {named}
    slip = take(vimesh, site, "--name", "lab2", "--name", "lab", "--apply")
    assert slip.code == 3
    assert "has no live VIM with the name or id lab2" in slip.err
    nobodys = take(vimesh, site, "--project", "nope", "--project", project)
    assert nobodys.code == 3
    assert "has no live VIM of project nope\n" in nobodys.err
    assert nobodys.out == ""
    assert vimesh("vim", "show", named).code == 3


def test_a_thousand_vims_come_in_a_reasonable_time(
    vimesh: Command, site: Site, conductor: Conductor, project: str
) -> None:
    ids = set(site.many(1000, project))
    before = conductor.count()

    begun = time.monotonic()
    done = take(vimesh, site, "--apply")
    print(f"1,000 VIMs in {time.monotonic() - begun:.1f} s")

    assert done.code == 0, done.err
    assert set(results(done)) == ids
    assert "1000 VIMs: 1000 imported" in done.err
    assert conductor.count() == before + 1000
    assert set(results(take(vimesh, site)).values()) == {"present"}
