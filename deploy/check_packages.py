"""Says whether the packages of the Python that runs this are complete: if not, a line for each, and exit status 1.

pip copies the files of a package one after the other, and writes the list of them last. Killed in between, it leaves a
package without a list, or one with a list of files of which some are missing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from importlib.util import find_spec
from pathlib import Path


def faults() -> Iterator[str]:
    """Yield what is wrong, at most once for each package."""
    if find_spec("pip") is None:
        yield "pip is missing"
    for distribution in distributions():
        fault = _fault_of(distribution)
        if fault:
            yield fault


def _fault_of(distribution: Distribution) -> str | None:
    if distribution.files is None:
        return "a package has no list of its files"
    for file in distribution.files:
        path = Path(str(distribution.locate_file(file)))
        # What has no hash is made by Python when it compiles.
        if file.hash and not (path.is_file() and path.stat().st_size == file.size):
            return f"{path} is missing or incomplete"
    return None


if __name__ == "__main__":
    found = list(faults())
    for fault in found:
        print(fault, file=sys.stderr)
    sys.exit(bool(found))
