"""Collects what every process has: what it is, its loop, its memory and files, and when its certificates end."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from cryptography import x509
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.metrics_core import Metric

from vimesh.files.certificate_files import CERTIFICATE, TRUSTED, CertificateFiles
from vimesh.files.file_errors import BadFile
from vimesh.metrics import families
from vimesh.metrics.catalogue.metric_entry import Component
from vimesh.runtime.loop_lag import LoopLag


class ProcessMetrics:
    def __init__(self, component: Component, lag: LoopLag, credentials: Path | None) -> None:
        self._build = (version("vimesh"), str(component), platform.python_version())
        self._lag = lag
        self._files = None if credentials is None else CertificateFiles(credentials, (CERTIFICATE, TRUSTED))

    def collect(self) -> Iterator[Metric]:
        yield families.gauge("vimesh_build_info", {self._build: 1})
        yield families.histogram("vimesh_loop_lag_seconds", self._lag.histogram)
        if self._files is not None:
            ends = {(name,): end for name, end in _ends_of(self._files).items()}
            yield families.gauge("vimesh_certificate_not_after_seconds", ends)


def register_process_metrics(
    registry: CollectorRegistry, component: Component, lag: LoopLag, credentials: Path | None
) -> None:
    """Register what every process has. `credentials`: folder with its certificates; None: it has none."""
    registry.register(ProcessMetrics(component, lag, credentials))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)


def _ends_of(files: CertificateFiles) -> dict[str, float]:
    """Return when the first certificate of each file ends. A file that cannot be read is missing, as its metric is."""
    try:
        contents = files.read().contents
        return {
            name: min(
                certificate.not_valid_after_utc.timestamp() for certificate in x509.load_pem_x509_certificates(content)
            )
            for name, content in contents.items()
            if content
        }
    except (BadFile, ValueError):
        return {}
