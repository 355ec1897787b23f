"""Where other clients have their files, and what `vim register` takes of them."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.support.callers.commands import Command
from tests.support.deployments.conductor_process import conductor_in

CLOUDS = """\
clouds:
  lab:
    auth: {auth_url: "http://10.0.0.5:5000/v3", username: u, project_name: nfv}
"""
SECURE = "clouds: {lab: {auth: {password: not-a-real-password}}}\n"
KUBE = """\
apiVersion: v1
kind: Config
clusters: [{name: %(name)s, cluster: {server: "https://%(name)s.example.com:6443"}}]
contexts: [{name: %(name)s-admin, context: {cluster: %(name)s, user: u}}]
users: [{name: u, user: {token: not-a-real-token}}]
"""
VARIABLES = {
    "OS_AUTH_URL": "http://10.0.0.9:5000/v3",
    "OS_USERNAME": "u",
    "OS_PASSWORD": "not-a-real-password",
    "OS_PROJECT_NAME": "nfv",
}


@pytest.fixture
def user(tmp_path: Path) -> Generator[Command]:
    """Give the command of a person with a conductor."""
    (folder := tmp_path / "conductor").mkdir()
    with conductor_in(folder) as conductor:
        yield conductor.user(tmp_path)


@pytest.fixture
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Give the command of a person with a home of their own."""
    for variable in ("KUBECONFIG", "XDG_CONFIG_DIRS"):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "work").mkdir()
    return Command(tmp_path / "work", {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / ".config")})


def put(place: Path, text: str) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    return place


def test_a_cloud_is_found_where_openstack_finds_it(person: Command, tmp_path: Path) -> None:
    put(tmp_path / ".config/openstack/clouds.yaml", CLOUDS)
    put(tmp_path / ".config/openstack/secure.yaml", SECURE)

    found = person("vim", "import", "--cloud", "lab", "--dry-run=client")
    put(person.folder / "clouds.yaml", CLOUDS.replace("10.0.0.5", "10.0.0.6"))
    nearer = person("vim", "import", "--cloud", "lab", "--dry-run=client")
    other = put(tmp_path / "other.yaml", CLOUDS.replace("10.0.0.5", "10.0.0.7"))
    named = person("vim", "import", "--cloud", "lab", "--dry-run=client", OS_CLIENT_CONFIG_FILE=str(other))

    assert found.err.startswith("cloud lab becomes VIM lab: openstack, http://10.0.0.5:5000/v3\n")
    assert nearer.err.startswith("cloud lab becomes VIM lab: openstack, http://10.0.0.6:5000/v3\n")
    assert named.err.startswith("cloud lab becomes VIM lab: openstack, http://10.0.0.7:5000/v3\n")


def test_secrets_of_elsewhere_are_not_joined_with_a_file_that_is_named(person: Command, tmp_path: Path) -> None:
    put(tmp_path / ".config/openstack/secure.yaml", SECURE)
    file = put(person.folder / "sub/clouds.yaml", CLOUDS)

    done = person("vim", "import", str(file), "--dry-run=client")
    joined = person(
        *("vim", "import", str(file), "--dry-run=client"),
        OS_CLIENT_SECURE_FILE=str(tmp_path / ".config/openstack/secure.yaml"),
    )

    assert "cloud lab: has no password: add it, in a secure.yaml if you like" in done.err
    assert joined.code == 0, joined.err


def test_variables_are_a_cloud(person: Command) -> None:
    done = person("vim", "import", "--cloud", "envvars", "--dry-run=client", **VARIABLES)
    named = person("vim", "import", "--cloud", "mine", "--dry-run=client", **VARIABLES, OS_CLOUD_NAME="mine")

    assert done.err.startswith("OS_* variables becomes VIM 10.0.0.9: openstack, http://10.0.0.9:5000/v3\n")
    assert named.err.startswith("OS_* variables becomes VIM mine: openstack")


def test_a_context_is_found_where_kubectl_finds_it(person: Command, tmp_path: Path) -> None:
    put(tmp_path / ".kube/config", KUBE % {"name": "home"})
    places = [put(tmp_path / f"{name}.yaml", KUBE % {"name": name}) for name in ("one", "two")]

    home = person("vim", "import", "--kube-context", "home-admin", "--dry-run=client")
    two = person(
        *("vim", "import", "--kube-context", "two-admin", "--dry-run=client"),
        KUBECONFIG=":".join(map(str, places)),
    )

    assert home.err.startswith("context home-admin becomes VIM home: kubernetes, https://home.example.com:6443\n")
    assert two.err.startswith("context two-admin becomes VIM two: kubernetes, https://two.example.com:6443\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("vim", "import"), "FILE: is required, or --cloud, or --kube-context"),
        (("vim", "import", "--cloud", "lab"), "--cloud: there is no clouds.yaml in "),
        (("vim", "import", "--kube-context", "lab"), "--kube-context: there is no kubeconfig at "),
        (("vim", "import", "missing"), "missing: cannot be read: No such file or directory"),
        (("vim", "register", "lab", "--cloud", "a", "--kube-context", "b"), "cannot be used with --cloud"),
        (
            ("vim", "register", "lab", "--config-file", "many.yaml"),
            "--cloud: is required for this clouds.yaml: it has a, b",
        ),
        (("vim", "register", "lab", "--config-file", "many.conf"), "which has no current-context: it has c, d"),
        (
            ("vim", "register", "lab", "--config-file", "vims.yaml"),
            "is a file of VIMs: register them with vimesh vim import",
        ),
        (("vim", "register", "lab", "--config-file", "job.yaml"), "job.yaml: is a Kubernetes Job, not a kubeconfig"),
        (
            ("vim", "register", "lab", "--config-file", "openrc"),
            "OS_PASSWORD runs a command, and vimesh runs no script",
        ),
    ],
)
def test_what_is_wrong_is_said(person: Command, arguments: tuple[str, ...], said: str) -> None:
    put(person.folder / "many.yaml", "clouds: {a: {}, b: {}}\n")
    put(person.folder / "many.conf", "clusters: []\ncontexts: [{name: c, context: {}}, {name: d, context: {}}]\n")
    put(person.folder / "vims.yaml", "vims: []\n")
    put(person.folder / "job.yaml", "apiVersion: batch/v1\nkind: Job\nmetadata: {}\n")
    put(person.folder / "openrc", "export OS_AUTH_URL=http://a/ OS_USERNAME=u\nexport OS_PASSWORD=$(pass show cloud)\n")

    done = person(*arguments, "--address", "127.0.0.1:9")

    assert done.code in (1, 2)
    assert said in done.err


def test_one_vim_is_registered_from_such_a_file(user: Command, tmp_path: Path) -> None:
    put(tmp_path / "clouds.yaml", CLOUDS)
    put(tmp_path / "secure.yaml", SECURE)
    put(tmp_path / "files-edge.conf", KUBE % {"name": "files-edge"} + "current-context: files-edge-admin\n")
    put(tmp_path / "openrc", "".join(f"export {key}={value}\n" for key, value in VARIABLES.items()))

    named = user("vim", "register", "files-lab", "--config-file", "clouds.yaml", "-o", "json")
    searched = user("vim", "register", "files-lab-2", "--cloud", "lab", "-o", "json")
    unnamed = user("vim", "register", "--config-file", "files-edge.conf", "-o", "json")
    script = user("vim", "register", "files-rc", "--config-file", "openrc", "-o", "json")
    changed = user("vim", "set", "files-rc", "--config-file", "clouds.yaml", "-o", "json")

    assert [done.code for done in (named, searched, unnamed, script, changed)] == [0] * 5, unnamed.err
    assert named.json["auth_url"] == searched.json["auth_url"] == "http://10.0.0.5:5000/v3"
    assert (unnamed.json["name"], unnamed.json["type"]) == ("files-edge", "kubernetes")
    assert script.json["vim_project"] == {"name": "nfv"}
    assert (changed.json["name"], changed.json["auth_url"]) == ("files-rc", "http://10.0.0.5:5000/v3")
    assert "not-a-real" not in "".join(done.out + done.err for done in (named, searched, unnamed, script, changed))
