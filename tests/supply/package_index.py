"""A package index on loopback with small wheels, which does something whenever it is asked."""

from __future__ import annotations

import hashlib
import os
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from threading import Thread


def wheel(name: str, version: str, files: Mapping[str, str]) -> bytes:
    """Return a wheel whose metadata come first: whoever unpacks only a part of it has them."""
    info = f"{name}-{version}.dist-info"
    everything = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "".join(f"{path},{_hash(text)},{len(text)}\n" for path, text in files.items())
        + f"{info}/RECORD,,\n",
        **files,
    }
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path, text in everything.items():
            archive.writestr(path, text)
    return content.getvalue()


def _hash(text: str) -> str:
    return "sha256=" + urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


@dataclass
class Index:
    url: str
    wheels: dict[str, bytes]
    on_request: Callable[[str], object]
    """Called with the path of each request, before it is answered."""

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a pip that asks this index alone, and remembers nothing."""
        others = {key: value for key, value in os.environ.items() if not key.startswith("PIP_")}
        return others | {"PIP_INDEX_URL": f"{self.url}/simple", "PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1"}

    def pin(self, name: str) -> str:
        """Return the line of a lock."""
        (file,) = (file for file in self.wheels if file.startswith(f"{name}-"))
        return f"{name}=={file.split('-')[1]} --hash=sha256:{hashlib.sha256(self.wheels[file]).hexdigest()}\n"

    def answer(self, path: str) -> bytes | None:
        *_, folder, name = path.rstrip("/").split("/")
        if folder == "files":
            return self.wheels.get(name)
        links = [f'<a href="/files/{file}">{file}</a>' for file in self.wheels if file.startswith(f"{name}-")]
        return f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode()


@contextmanager
def package_index(wheels: dict[str, bytes]) -> Generator[Index]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            index.on_request(self.path)
            content = index.answer(self.path)
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Type", "text/html" if "/simple/" in self.path else "application/octet-stream")
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_: object) -> None:
            """Requests are of interest to tests only."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        index = Index(f"http://127.0.0.1:{server.server_port}", wheels, lambda _: None)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield index
        finally:
            server.shutdown()
            thread.join()
