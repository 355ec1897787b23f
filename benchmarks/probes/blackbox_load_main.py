"""Requests probes from a prometheus-blackbox-exporter over kept connections, and counts those that succeeded.

blackbox_load_main PORT MODULE FORM SECONDS CALLERS: prints how many were requested, and how many succeeded.
"""

from __future__ import annotations

import http.client
import itertools
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

from benchmarks.probes.targets import Targets
from vimesh.domain.probing import Method

_LIMIT_S = 10.0
_SUCCEEDED = b"\nprobe_success 1\n"


def main(port: int, module: str, form: str, seconds: float, callers: int) -> None:
    """`form` is the target with {} for the address."""
    targets = Targets(Method.HTTP, 5000, interval_s=1)
    numbers = itertools.count()
    ends_at = time.monotonic() + seconds

    def call(_: int) -> tuple[int, int]:
        asked = succeeded = 0
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_LIMIT_S)
        while time.monotonic() < ends_at:
            target = form.format(targets.address(next(numbers) % targets.count))
            connection.request("GET", "/probe?" + urlencode({"module": module, "target": target}))
            asked += 1
            succeeded += _SUCCEEDED in connection.getresponse().read()
        connection.close()
        return asked, succeeded

    with ThreadPoolExecutor(callers) as pool:
        done = [*pool.map(call, range(callers))]
    sys.stdout.write(f"{sum(asked for asked, _ in done)} {sum(succeeded for _, succeeded in done)}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3], float(sys.argv[4]), int(sys.argv[5]))
