"""Names the files of certificates, as `vimesh certs`, cert-manager and Kubernetes write them."""

from __future__ import annotations

from typing import Final

CERTIFICATE: Final = "tls.crt"
KEY: Final = "tls.key"
TRUSTED: Final = "ca.crt"
REVOKED: Final = "crl.pem"
