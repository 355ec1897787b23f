"""openstacksdk reads the same files: what is used of a cloud is what it would use."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from vimesh.cli.client_files.cloud_config import configs, profile_of, with_secrets

loader = pytest.importorskip("openstack.config.loader", reason="the packages of make check have it")
_PUBLIC = {
    "acme": {
        "auth": {"auth_url": "https://iam.{region_name}.acme.example/v3", "user_domain_name": "ACME"},
        "regions": ["eu-de", "eu-nl"],
        "interface": "public",
    }
}
_BASE = {"auth_url": "http://a:5000/v3", "username": "u", "password": "p", "project_name": "nfv"}
CLOUDS: Mapping[str, Mapping[str, Any]] = {
    "plain": {"auth": _BASE, "region_name": "one"},
    "tenant": {"auth": {"auth_url": "http://a/", "username": "u", "password": "p", "tenant-name": "t", "tenant_id": 7}},
    "both-names": {"auth": {**_BASE, "tenant_name": "old"}},
    "one-domain": {"auth": {**_BASE, "domain_name": "d"}},
    "domain-beside": {"auth": _BASE, "domain_id": "d"},
    "one-domain-of-two": {"auth": {**_BASE, "domain_name": "d", "user_domain_name": "u"}},
    "domain-scope": {"auth": {"auth_url": "http://a/", "username": "u", "password": "p", "domain_id": "d"}},
    "beside": {"auth": {"auth_url": "http://a/"}, "project_name": "beside", "user_domain_id": "x", "token": "t"},
    "numbers": {"auth": {**_BASE, "username": 1001, "password": 1234}},
    "several": {"auth": _BASE, "region_name": "one,two"},
    "values": {
        "auth": _BASE,
        "regions": ["one", {"name": "two", "values": {"auth": {"auth_url": "http://b/"}}}, {"name": "three"}],
    },
    "profile": {"profile": "acme", "auth": {"username": "u", "password": "p", "project_name": "nfv"}},
    "old-profile": {"cloud": "acme", "auth": _BASE},
    "region-of-profile": {"profile": "acme", "region_name": "eu-nl", "auth": {"username": "u", "password": "p"}},
    "application": {
        "auth_type": "v3applicationcredential",
        "auth": {"auth_url": "http://a/", "application_credential_id": "i", "application_credential_secret": "s"},
    },
    "plugin": {"auth_plugin": "v3token", "auth": {"auth_url": "http://a/", "auth_token": "t", "project_id": 5}},
}
SECRETS = {"plain": {"auth": {"password": "from secure.yaml"}}, "profile": {"auth": {"user_domain_name": "secure"}}}


@pytest.fixture
def sdk(tmp_path: Path) -> Any:  # noqa: ANN401 - openstacksdk's own
    files = {"clouds": {"clouds": CLOUDS}, "secure": {"clouds": SECRETS}, "clouds-public": {"public-clouds": _PUBLIC}}
    for name, content in files.items():
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(content))
    return loader.OpenStackConfig(
        config_files=[str(tmp_path / "clouds.yaml")],
        secure_files=[str(tmp_path / "secure.yaml")],
        vendor_files=[str(tmp_path / "clouds-public.yaml")],
        load_envvars=False,
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CLOUDS)
def test_a_cloud_logs_in_as_with_openstacksdk(sdk: Any, name: str) -> None:  # noqa: ANN401 - as above
    whole = with_secrets(CLOUDS[name], SECRETS.get(name, {}))
    ours = configs(whole, _PUBLIC.get(profile_of(whole)))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        regions = [region["name"] for region in sdk._get_regions(name)]
        theirs = {region: sdk.get_one(name, region_name=region, validate=False).config for region in regions}

    assert {region for way in ours for region in way.regions} == {region for region in regions if region}
    for way in ours:
        for region in way.regions or ("",):
            assert way.auth == theirs[region]["auth"]
            # Its own default overrules an `auth_plugin`, which is what the user wrote.
            assert way.auth_type == CLOUDS[name].get("auth_plugin", theirs[region]["auth_type"])
