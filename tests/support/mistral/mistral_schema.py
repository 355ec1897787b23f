"""Makes Mistral's tables, because its own migrations fail on SQLite.

Runs in Mistral's own environment: `python mistral_schema.py CONF`.
"""

from __future__ import annotations

import sys

import mistral  # noqa: F401 - chooses the threading backend of oslo.service, and has to come first
from mistral import config
from mistral.db.v2 import api as db_api

config.parse_args(["--config-file", sys.argv[1]])
db_api.setup_db()
