"""Turns the clusters of a kubeconfig into entries of VIMs."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any, Final

from vimesh.cli.client_files.cloud_entries import host_of
from vimesh.cli.client_files.entry_choice import CONTEXT, EntryChoice, require_known
from vimesh.cli.client_files.kube_config import KubeConfig, KubeItem
from vimesh.cli.client_files.named_files import TooLarge, certificates_in, decoded, key_in
from vimesh.cli.input.file_entries import FileEntry, Flaw
from vimesh.files.file_errors import BadFile
from vimesh.files.file_limits import MAX_CLOUDS

_NO_CERTIFICATE: Final = "None"
"""What Tacker writes for a cluster without a CA of its own."""
_KEPT_IN_EXTRA: Final = {"proxy-url": "proxy_url", "tls-server-name": "tls_server_name"}
"""Settings that no field of a VIM is for, and the names in `extra` under which they are kept."""
_UNUSED: Final = {
    "proxy-url": "probes connect directly",
    "tls-server-name": "probes name the host of the auth_url",
}
_HIDDEN: Final = frozenset({"REDACTED", "DATA+OMITTED"})
_RAW: Final = "kubectl config view --raw prints all of it"
_LEFT_OUT: Final = ("as", "as-uid", "as-groups", "as-user-extra")
_INSTEAD: Final = "put a token of a service account into the file (kubectl create token), or use --without-credentials"
_SHOWN: Final = 60


def entries(line: int, config: KubeConfig, choice: EntryChoice) -> Iterator[FileEntry | Flaw]:
    """Yield a VIM for each cluster, or for that of each wanted context. Raises BadFlag for an unknown context."""
    require_known(CONTEXT, choice.contexts, list(config.contexts), "context")
    of_cluster: dict[str, list[KubeItem]] = {name: [] for name in config.clusters}
    for name, context in config.contexts.items():
        if choice.contexts and name not in choice.contexts:
            continue
        try:
            of_cluster.setdefault(context.text("cluster"), []).append(context)
        except BadFile as error:
            yield Flaw(line, str(error), FileEntry(line, {"name": name, "type": "kubernetes"}, f"context {name}"))
    if choice.contexts:
        of_cluster = {name: contexts for name, contexts in of_cluster.items() if contexts}
    if len(of_cluster) > MAX_CLOUDS:
        yield Flaw(line, f"describes more than {MAX_CLOUDS} clusters")
        return
    for name, contexts in of_cluster.items():
        yield _Cluster(line, name, contexts, config, choice).entry()


class _Cluster:
    def __init__(self, line: int, name: str, contexts: list[KubeItem], config: KubeConfig, choice: EntryChoice) -> None:
        self._line = line
        self._name = name
        self._contexts = contexts
        self._config = config
        self._choice = choice
        self._content: dict[str, Any] = {"name": name, "type": "kubernetes"}
        self._remarks: list[str] = []

    def entry(self) -> FileEntry | Flaw:
        origin = f"context {self._contexts[0].name}" if self._contexts else f"cluster {self._name}"
        try:
            self._fill()
        except BadFile as error:
            return Flaw(self._line, str(error), FileEntry(self._line, self._content, origin))
        return FileEntry(self._line, self._content, origin, tuple(self._remarks))

    def _fill(self) -> None:
        cluster = self._config.clusters.get(self._name)
        if cluster is None:
            raise BadFile(f"names the cluster {self._name[:_SHOWN]!r}, which the file does not have")
        server = cluster.text("server")
        if not server:
            raise BadFile("has no server: write the URL of its API into the cluster")
        self._content["auth_url"] = server
        if _is_loopback(host_of(server)):
            self._remarks.append("its address is that of the machine itself: monitors probe it with --probe-allow only")
        extra = {new: text for old, new in _KEPT_IN_EXTRA.items() if (text := cluster.text(old))}
        if extra:
            self._content["extra"] = extra
        for old, new in _KEPT_IN_EXTRA.items():
            if new in extra:
                self._remarks.append(f"{old} is kept in extra, but {_UNUSED[old]}")
        user = self._user()
        if self._choice.with_credentials:
            self._content["auth_cred"] = {**self._credentials(user), **self._tls(cluster)}

    def _user(self) -> KubeItem | None:
        if not self._contexts:
            self._remarks.append("no context leads to it: it has no credentials")
            return None
        context, *others = self._contexts
        self._content["vim_project"] = {"name": context.text("namespace") or "default"}
        if others:
            names = ", ".join(each.name[:_SHOWN] for each in others[:10])
            self._remarks.append(f"the same cluster as in {len(others)} other contexts: {names}")
        name = context.text("user")
        if name and name not in self._config.users:
            raise BadFile(f"names the user {name[:_SHOWN]!r}, which the file does not have")
        return self._config.users.get(name)

    def _credentials(self, user: KubeItem | None) -> dict[str, str]:
        if user is None:
            return {}
        for plugin in ("exec", "auth-provider"):
            if plugin in user.values:
                program = f"a program{_named(user.values[plugin])} ({plugin})"
                raise BadFile(f"gets its token from {program}, which vimesh does not run: {_INSTEAD}")
        found = {key: text for key in ("username", "password") if (text := user.text(key))}
        if (token := user.text("token")) in _HIDDEN:
            raise BadFile(f"token is left out: {_RAW}")
        if token:
            found["bearer_token"] = token
        elif path := user.text("tokenFile"):
            found["bearer_token"] = _read(user.files.token, "tokenFile", path)
            self._remarks.append("tokenFile was read once: a later token is not noticed")
        if certificate := _pem(user, "client-certificate", user.files.certificates, certificates_in):
            found["client_cert"] = certificate
            found["client_key"] = _pem(user, "client-key", user.files.key, key_in)
            if not found["client_key"]:
                raise BadFile("has a client-certificate, but no client-key")
        left = [key for key in _LEFT_OUT if key in user.values]
        if left:
            self._remarks.append(f"left out: {', '.join(left)}")
        return found

    def _tls(self, cluster: KubeItem) -> dict[str, str]:
        found: dict[str, str] = {}
        if cluster.values.get("insecure-skip-tls-verify") is True:
            found["cert_verify"] = "False"
        try:
            authority = _pem(cluster, "certificate-authority", cluster.files.certificates, certificates_in)
        except TooLarge:
            authority = ""
            self._remarks.append("certificate-authority has too many certificates to be stored")
        return {**found, "ssl_ca_cert": authority or _NO_CERTIFICATE}


def _pem(item: KubeItem, key: str, read: Any, parse: Any) -> str:  # noqa: ANN401 - functions of a text
    """Return what a file or base64 data hold; empty if there is neither. The data count, as for kubectl."""
    if data := item.text(f"{key}-data"):
        if data in _HIDDEN:
            raise BadFile(f"{key}-data is left out: {_RAW}")
        try:
            return str(parse(decoded(data)))
        except BadFile as error:
            raise BadFile(f"{key}-data {error}") from None
    path = item.text(key)
    return _read(read, key, path) if path else ""


def _read(read: Any, key: str, path: str) -> str:  # noqa: ANN401 - a method of NamedFiles
    try:
        return str(read(path))
    except BadFile as error:
        raise BadFile(f"{key}: {path[:200]} {error}: correct the path, or use --without-credentials") from None


def _named(plugin: object) -> str:
    """Return the name of a plugin as messages have it; empty if it has none."""
    name = plugin.get("command") or plugin.get("name") if isinstance(plugin, Mapping) else None
    return f" {name[:_SHOWN]!r}" if isinstance(name, str) else ""


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified
