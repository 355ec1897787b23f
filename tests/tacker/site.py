"""A Tacker, as far as it left traces: a database with VIMs, and a folder with their keys."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from sqlalchemy import URL, NullPool, create_engine, insert, make_url

from tests.tacker.schema import metadata, vimauths, vims

LIVE = dt.datetime(1, 1, 1)  # noqa: DTZ001 - as Tacker marks a row that is not deleted
_ENCRYPTED = ("password", "bearer_token", "ssl_ca_cert", "client_secret")


def with_pymysql(url: str) -> URL:
    """Name the driver of a MariaDB that is there for the import."""
    parsed = make_url(url)
    return parsed.set(drivername="mysql+pymysql") if parsed.get_backend_name() == "mysql" else parsed


@dataclass
class Site:
    url: str
    keys: Path
    barbican: dict[str, bytes] = field(default_factory=dict)
    """Keys that are in no file, by VIM."""

    def __post_init__(self) -> None:
        self.keys.mkdir(exist_ok=True)
        self.engine = create_engine(with_pymysql(self.url), poolclass=NullPool)
        metadata.create_all(self.engine)

    def openstack(self, **fields: Any) -> str:  # noqa: ANN401 - any column
        """Add a VIM with what Tacker's driver adds to the credentials. Returns its id."""
        auth_url = fields.get("auth_url", "http://192.0.2.1:5000/v3")
        project = {"name": "nfv", "project_domain_name": "Default"}
        cred = {
            "username": "nfv_user",
            "password": "devstack-secret",
            "user_domain_name": "Default",
            "cert_verify": "True",
            "project_id": None,
            "project_name": project["name"],
            "project_domain_name": project["project_domain_name"],
            "auth_url": auth_url,
            "key_type": "fernet_key",
        }
        known = {"type": "openstack", "auth_url": auth_url, "vim_project": project, "auth_cred": cred}
        return self.add([{**known, **fields}])[0]

    def many(self, count: int, project: str) -> list[str]:
        """Add so many VIMs at once. Returns their ids."""
        cred = {"username": "nfv_user", "password": "devstack-secret", "key_type": "fernet_key"}
        fields = {"type": "openstack", "auth_url": "http://192.0.2.1:5000/v3", "vim_project": {"name": "nfv"}}
        return self.add([{**fields, "auth_cred": cred, "tenant_id": project} for _ in range(count)])

    def kubernetes(self, **fields: Any) -> str:  # noqa: ANN401 - any column
        """Add a VIM with a token, whose key is in Barbican: Tacker keeps those of Kubernetes nowhere else."""
        auth_url = "https://192.0.2.2:6443"
        cred = {
            "bearer_token": "token-secret",
            "ssl_ca_cert": "-----BEGIN CERTIFICATE-----",
            "username": "None",
            "password": None,
            "auth_url": auth_url,
            "key_type": "barbican_key",
            "secret_uuid": "6f1b2a53-5dcf-4c39-8f4b-0c29cd90c6ba",
        }
        known = {"type": "kubernetes", "auth_url": auth_url, "vim_project": {"name": "default"}, "auth_cred": cred}
        return self.add([{**known, **fields}])[0]

    def add(self, many: list[dict[str, Any]]) -> list[str]:
        """Encrypt each with a new key, and store. Returns the ids."""
        rows = [self._rows(fields) for fields in many]
        with self.engine.begin() as connection:
            connection.execute(insert(vims), [vim for vim, _ in rows])
            connection.execute(insert(vimauths), [auth for _, auth in rows])
        return [vim["id"] for vim, _ in rows]

    def _rows(self, fields: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        vim_id = str(fields.get("id", uuid.uuid4()))
        key = Fernet.generate_key()
        cred = {name: _sealed(key, name, value) for name, value in fields["auth_cred"].items()}
        if cred.get("key_type") == "fernet_key":
            (self.keys / vim_id).write_bytes(key)
        else:
            self.barbican[vim_id] = key
        vim = {
            "id": vim_id,
            "type": fields["type"],
            "tenant_id": fields.get("tenant_id", "nfv"),
            "name": fields.get("name", f"vim-{vim_id}"),
            "description": fields.get("description", ""),
            "placement_attr": json.dumps(fields.get("placement_attr", {"regions": ["RegionOne"]})),
            "status": "REACHABLE",
            "is_default": fields.get("is_default", False),
            "deleted_at": fields.get("deleted_at", LIVE),
            "extra": fields.get("extra", {}),
        }
        auth = {
            "id": str(uuid.uuid4()),
            "vim_id": vim_id,
            "password": cred.pop("password", None),
            "auth_url": fields["auth_url"],
            "vim_project": json.dumps(fields["vim_project"]),
            "auth_cred": json.dumps(cred),
        }
        return vim, auth


def _sealed(key: bytes, name: str, value: object) -> object:
    if name in _ENCRYPTED and isinstance(value, str) and value != "None":
        return Fernet(key).encrypt(value.encode()).decode()
    return value
