"""Names the files of certificates and tokens, as `vimesh certs`, cert-manager and Kubernetes write them."""

from __future__ import annotations

from typing import Final

CERTIFICATE: Final = "tls.crt"
KEY: Final = "tls.key"
TRUSTED: Final = "ca.crt"
REVOKED: Final = "crl.pem"
TOKEN: Final = "token"  # noqa: S105 - the name of a file
"""A bearer token, beside a certificate or instead of one."""
