"""What becomes of the files that people have: each file in `samples` is as another client or tool writes it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.callers.commands import Command
from tests.support.deployments.conductor_process import conductor_in
from vimesh.cli.client_files.entry_choice import EntryChoice
from vimesh.cli.client_files.expand_entries import ClientFiles
from vimesh.cli.input.file_entries import FileEntry
from vimesh.cli.input.file_formats import format_of

SAMPLES = Path(__file__).parent / "samples"
FIT = "dry run: nothing was changed\n"
SECRETS = ("not-a-real", "not a real", "nomoresecret", "8Yx0b", "mySecretPW", "987654", "123456", "notarealpassword")

BECOMES = {
    "clouds-of-two/clouds.yaml": [
        "cloud lab becomes VIM lab: openstack, https://10.0.0.5:5000/v3; left out: interface, identity_api_version",
        "cloud edge becomes VIM edge: openstack, https://edge.example.com:13000",
    ],
    "with-profile/clouds.yaml": [
        "cloud production, region eu-de becomes VIM production-eu-de: openstack, https://iam.eu-de.acme.example/v3",
        "cloud production, region eu-nl becomes VIM production-eu-nl: openstack, https://iam.eu-nl.acme.example/v3",
    ],
    "clouds-devstack.yaml": [
        *(
            f"cloud {name} becomes VIM {name}: openstack, http://192.168.0.10/identity; "
            "left out: identity_api_version, volume_api_version"
            for name in ("devstack", "devstack-admin", "devstack-system-admin")
        ),
        (
            "note: 3 VIMs (devstack, devstack-admin, devstack-system-admin) have the same auth_url, "
            "http://192.168.0.10/identity; --cloud and --kube-context choose entries"
        ),
    ],
    "clouds-tenants-of-old.yaml": [
        "cloud old becomes VIM old: openstack, http://10.0.0.7:5000/v3; left out: compute_api_version"
    ],
    "clouds-token.json": ["cloud burst becomes VIM burst: openstack, https://burst.example.com/identity/v3"],
    "app-cred-openrc.sh": [
        (
            "openrc file becomes VIM cloud.example.com: openstack, https://cloud.example.com:5000; "
            "left out: identity_api_version, interface"
        )
    ],
    "kolla-admin-openrc.sh": [
        (
            "openrc file becomes VIM 10.10.10.254: openstack, http://10.10.10.254:5000; "
            "left out: interface, endpoint_type, identity_api_version"
        )
    ],
    "overcloudrc": [
        (
            "openrc file becomes VIM overcloud: openstack, http://10.0.0.101:5000; "
            "left out: no_cache, identity_api_version, compute_api_version, volume_api_version"
        )
    ],
    "keystonerc_admin": [
        "openrc file becomes VIM 192.168.122.5: openstack, http://192.168.122.5:5000/v3; left out: identity_api_version"
    ],
    "openrc-ansible": [
        (
            "openrc file becomes VIM 172.29.236.100: openstack, https://172.29.236.100:5000/v3; "
            "left out: endpoint_type, interface, no_cache, identity_api_version, auth_version"
        )
    ],
    "admin.conf": ["context kubernetes-admin@kubernetes becomes VIM kubernetes: kubernetes, https://10.0.0.6:6443"],
    "minikube/config": ["context minikube becomes VIM minikube: kubernetes, https://192.168.49.2:8443"],
    "kind.yaml": [
        (
            "context kind-kind becomes VIM kind-kind: kubernetes, https://127.0.0.1:41217; "
            "its address is that of the machine itself: monitors probe it with --probe-allow only"
        )
    ],
    "view.json": ["context k3s-robot becomes VIM k3s: kubernetes, https://10.0.0.12:6443"],
    "vim_config.yaml": ["file of Tacker becomes VIM 10.1.0.5: openstack, http://10.1.0.5/identity"],
    "vim_config_of_old.yaml": [
        (
            "file of Tacker becomes VIM 10.1.0.6: openstack, http://10.1.0.6:5000/v3; "
            "domain_name is taken for user_domain_name and project_domain_name"
        )
    ],
    "vim_k8s_without_ca.yaml": [
        (
            "file of Tacker becomes VIM 10.1.0.7: kubernetes, https://10.1.0.7:6443; "
            "ssl_ca_cert is missing, and taken for None"
        )
    ],
    "vim_k8s_oidc.yaml": ["file of Tacker becomes VIM 10.1.0.8: kubernetes, https://10.1.0.8:6443"],
}
REFUSED = {
    "clouds-kolla.yaml": (
        "cloud kolla-admin: cacert: /etc/ssl/no-such-kolla-ca.crt cannot be read: No such file or directory"
    ),
    "clouds-octal-password.yaml": (
        "cloud lab: auth.password is read as a number that can be written in several ways: write it in quotes"
    ),
    "clouds-vendor.yaml": (
        "cloud ours: has a profile at a URL, which vimesh does not fetch: write its auth_url into the file"
    ),
    "secure-alone.yaml": "cloud lab: has no auth_url: write it into its auth, or name a profile that has one",
    "nfv-openrc.sh": (
        "OS_PASSWORD is asked for when the file is sourced, and vimesh runs no script: source the file in a shell and "
        "use --cloud envvars, write the value into the file, or use --without-credentials"
    ),
    "openrc-devstack.sh": "OS_USERNAME has an expansion of the shell, and vimesh runs no script",
    "openrc.ps1": "line 1: is a script for PowerShell: use the file for sh or bash",
    "eks.kubeconfig": (
        "gets its token from a program 'aws' (exec), which vimesh does not run: put a token of a service account into "
        "the file (kubectl create token), or use --without-credentials"
    ),
    "gke-of-old.yaml": "gets its token from a program 'gcp' (auth-provider), which vimesh does not run",
    "redacted.yaml": "context prod: token is left out: kubectl config view --raw prints all of it",
    "many-contexts.yaml": "context gone: names the cluster 'decommissioned', which the file does not have",
    "deployment.yaml": "line 1: is a Kubernetes Deployment, not a kubeconfig: kubectl config view --raw",
    "capi-secret.yaml": "line 1: is a Kubernetes Secret, not a kubeconfig: if it holds one, write what its data",
    "network.hot.yaml": "line 1: is a template of Heat, not a file of VIMs, a clouds.yaml, a kubeconfig",
    "prometheus.yml": "line 1: is a configuration of Prometheus, not a file of VIMs",
    "vim-as-node.tosca.yaml": "line 1: is a TOSCA template, not a file of VIMs",
    "laughs.yaml": "line 5: holds more than 20000 values",
}


def contents(sample: str, choice: EntryChoice | None = None) -> Sequence[dict[str, Any]]:
    """Return the fields of the VIMs of a sample."""
    path = SAMPLES / sample
    with path.open("rb") as file:
        entries = list(ClientFiles(path, choice or EntryChoice()).entries(format_of(None, path), file))
    return [dict(entry.content) for entry in entries if isinstance(entry, FileEntry)]


def test_there_are_samples_of_each_kind() -> None:
    assert len(BECOMES) + len(REFUSED) >= 30
    assert {path.relative_to(SAMPLES).parts[0] for path in SAMPLES.rglob("*") if path.is_file()} == {
        sample.partition("/")[0] for sample in (*BECOMES, *REFUSED)
    }


@pytest.mark.parametrize("sample", BECOMES)
def test_each_entry_says_what_it_becomes(vimesh: Command, sample: str) -> None:
    done = vimesh("vim", "import", str(SAMPLES / sample), "--dry-run=client")

    assert (done.code, done.out) == (0, "")
    assert done.err.splitlines()[:-2] == BECOMES[sample]
    assert done.err.endswith(FIT)
    assert not any(secret in done.err for secret in SECRETS)


@pytest.mark.parametrize("sample", REFUSED)
def test_what_is_refused_says_why_and_what_to_do(vimesh: Command, sample: str) -> None:
    done = vimesh("vim", "import", str(SAMPLES / sample), "--dry-run=client")

    assert (done.code, done.out) == (1, "")
    assert REFUSED[sample] in done.err
    assert not any(secret in done.err for secret in SECRETS)


def test_a_cloud_is_joined_with_its_secrets_and_certificates() -> None:
    lab, edge = contents("clouds-of-two/clouds.yaml")

    certificate = lab["auth_cred"].pop("ssl_ca_cert")
    assert certificate.startswith("-----BEGIN CERTIFICATE-----\n")
    assert certificate.endswith("\n-----END CERTIFICATE-----\n")
    assert lab == {
        "name": "lab",
        "type": "openstack",
        "auth_url": "https://10.0.0.5:5000/v3",
        "vim_project": {"name": "nfv", "project_domain_name": "Default"},
        "placement_attr": {"regions": ["RegionOne"]},
        "auth_cred": {
            "username": "nfv_user",
            "password": "not-a-real-password",
            "user_domain_name": "Default",
            "cert_verify": "True",
        },
    }
    assert edge["placement_attr"] == {"regions": ["east", "west"]}
    assert edge["auth_cred"] == {
        "application_credential_id": "0ab1c2d3e4f54a0f8a1b2c3d4e5f6071",
        "application_credential_secret": "not-a-real-secret",
        "auth_type": "v3applicationcredential",
        "cert_verify": "False",
    }


def test_old_names_and_numbers_of_a_cloud_are_taken() -> None:
    [old] = contents("clouds-tenants-of-old.yaml")

    assert old["vim_project"] == {"name": "nfv", "id": "7", "project_domain_name": "Default"}
    assert old["auth_cred"] == {
        "username": "1001",
        "password": "123456",
        "user_domain_name": "Default",
        "cert_verify": "False",
    }
    assert old["placement_attr"] == {"regions": ["one", "two"]}


def test_an_openrc_file_is_read_as_a_shell_would() -> None:
    [kolla] = contents("kolla-admin-openrc.sh")
    [packstack] = contents("keystonerc_admin")

    assert kolla["auth_cred"]["password"] == '8Yx0b$made"Up`vTq'
    assert kolla["vim_project"] == {"name": "admin", "project_domain_name": "Default"}
    assert packstack["auth_cred"]["password"] == "not a real password"


def test_a_cluster_is_one_vim_with_what_no_field_is_for(vimesh: Command) -> None:
    prod, lab, orphan = contents("many-contexts.yaml")

    assert (prod["name"], prod["vim_project"]) == ("prod", {"name": "nfv"})
    assert prod["extra"] == {
        "proxy_url": "http://user:not-a-real-password@proxy.example.com:3128",
        "tls_server_name": "kubernetes.default",
    }
    assert prod["auth_cred"]["bearer_token"] == "not-a-real-admin-token"
    assert prod["auth_cred"]["ssl_ca_cert"].startswith("-----BEGIN CERTIFICATE-----\n")
    assert lab["auth_cred"] == {"username": "lab", "password": "1234", "cert_verify": "False", "ssl_ca_cert": "None"}
    assert "vim_project" not in orphan

    done = vimesh("import", str(SAMPLES / "many-contexts.yaml"), "--dry-run=client", "--skip-invalid")

    assert done.code == 0
    assert "proxy-url is kept in extra, but probes connect directly" in done.err
    assert "tls-server-name is kept in extra, but probes name the host of the auth_url" in done.err
    assert "the same cluster as in 1 other contexts: prod-view" in done.err
    assert "cluster orphan becomes VIM orphan: kubernetes, https://10.0.0.9:6443; no context leads to it" in done.err
    assert "not-a-real" not in done.err


def test_files_that_a_kubeconfig_names_are_read_beside_it() -> None:
    [minikube] = contents("minikube/config")

    assert minikube["auth_cred"]["client_cert"].startswith("-----BEGIN CERTIFICATE-----\n")
    assert minikube["auth_cred"]["client_key"].endswith("-----END RSA PRIVATE KEY-----\n")


@pytest.mark.parametrize("sample", ["eks.kubeconfig", "gke-of-old.yaml", "nfv-openrc.sh", "clouds-kolla.yaml"])
def test_without_credentials_less_is_needed(vimesh: Command, sample: str) -> None:
    done = vimesh("vim", "import", str(SAMPLES / sample), "--dry-run=client", "--without-credentials")

    assert done.code == 0, done.err
    assert all("auth_cred" not in each for each in contents(sample, EntryChoice(with_credentials=False)))


def test_one_of_many_is_chosen(vimesh: Command) -> None:
    clouds, contexts = str(SAMPLES / "clouds-devstack.yaml"), str(SAMPLES / "many-contexts.yaml")

    one = vimesh("import", clouds, "--cloud", "devstack-admin", "--dry-run=client", "--name", "stack")
    view = vimesh("import", contexts, "--kube-context", "prod-view", "--dry-run=client")
    unknown = vimesh("import", clouds, "--cloud", "devstak", "--dry-run=client")
    other = vimesh("import", contexts, "--cloud", "devstack", "--dry-run=client")
    named = vimesh("import", clouds, "--name", "stack", "--dry-run=client")

    assert one.err.startswith("cloud devstack-admin becomes VIM stack: openstack")
    assert view.err.startswith("context prod-view becomes VIM prod: kubernetes, https://api.prod.example.com:6443")
    assert "left out: as\n" in view.err
    assert (unknown.code, other.code, named.code) == (2, 2, 2)
    assert "--cloud: there is no cloud 'devstak': it has devstack, devstack-admin, devstack-system-admin" in unknown.err
    assert "--cloud: is not for this file, which is a kubeconfig" in other.err
    assert "--name: cannot be used: there is more than one VIM" in named.err


def test_samples_are_registered_with_their_secrets(tmp_path: Path) -> None:
    (folder := tmp_path / "conductor").mkdir()
    with conductor_in(folder) as conductor:
        vimesh = conductor.user(tmp_path)
        for sample in ("clouds-of-two/clouds.yaml", "admin.conf", "overcloudrc", "vim_config_of_old.yaml"):
            done = vimesh("vim", "import", str(SAMPLES / sample), "-o", "json")
            assert done.code == 0, done.err
            assert [entry["entry"] for entry in done.json["entries"]] == [
                line.partition(" becomes ")[0] for line in BECOMES[sample]
            ]
            again = vimesh("vim", "import", str(SAMPLES / sample))
            assert again.err.splitlines()[-1].endswith("already present")

        shown = {vim["name"]: vim for vim in vimesh("vim", "list", "-o", "json").json}
        assert shown.keys() == {"lab", "edge", "kubernetes", "overcloud", "10.1.0.6"}
        assert conductor.secrets_of(shown["overcloud"]["id"])["password"] == "notarealpassword"
        assert conductor.secrets_of(shown["kubernetes"]["id"])["client_key"].startswith("-----BEGIN RSA PRIVATE KEY")
        assert conductor.secrets_of(shown["10.1.0.6"]["id"])["password"] == "987654"
