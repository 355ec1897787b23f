"""Asks PyPI for known vulnerabilities of what locks name, by pip-audit.

Usage: `make audit`, or audit.py LOCK... Exits with 0 if every package was looked up and none has a known one, with 1 if
one has, and with 2 if some could not be looked up: a network without the advisories is no clean bill.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

_LIMIT_S = 600


def audited(lock: str) -> list[dict[str, Any]]:
    """Return what pip-audit says of each package of a lock, or nothing, with the reason on stderr."""
    program = Path(sys.executable).with_name("pip-audit")
    how = ["--require-hashes", "--disable-pip", "--format", "json", "--progress-spinner", "off"]
    command = [str(program), *how, "--requirement", lock]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
    if not done.stdout.strip():
        print(f"{lock}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return []
    packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    return packages


def verdict(of_locks: dict[str, list[dict[str, Any]]]) -> int:
    """Print what was found, and return the exit code."""
    bad = {
        f"{package['name']} {package['version']}: {one['id']}, fixed in {', '.join(one['fix_versions']) or 'none'}"
        for packages in of_locks.values()
        for package in packages
        for one in package.get("vulns", ())
    }
    for line in sorted(bad):
        print(line)
    silent = {lock for lock, packages in of_locks.items() if not packages}
    unknown = {package["name"] for packages in of_locks.values() for package in packages if "skip_reason" in package}
    if silent or unknown:
        what = [*sorted(silent), *([f"{len(unknown)} packages"] if unknown else [])]
        print(
            f"NOT AUDITED: {', '.join(what)}. The advisories of PyPI cannot be had from this network: mirrors seldom "
            "have them. Run `make audit` where pypi.org itself can be reached",
            file=sys.stderr,
        )
    return 1 if bad else 2 if silent or unknown else 0


if __name__ == "__main__":
    sys.exit(verdict({lock: audited(lock) for lock in sys.argv[1:]}))
