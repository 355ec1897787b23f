"""Runs modules of the collection as Ansible does on a host, but all in one process: starting one takes half a second.

Reads a line of JSON for each list of tasks, and writes a line with their results, up to the first that fails.
"""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import redirect_stdout, suppress
from importlib import import_module
from typing import Any

from ansible.module_utils.testing import patch_module_args


def _module(name: str) -> Any:  # noqa: ANN401 - a module
    return import_module(f"ansible_collections.vimesh.core.plugins.modules.{name}")


def _run(name: str, options: dict[str, Any], *, check: bool) -> dict[str, Any]:
    written = io.StringIO()
    given = {**options, "_ansible_check_mode": check, "_ansible_diff": True}
    with patch_module_args(given), suppress(SystemExit), redirect_stdout(written):
        _module(name).main()
    result: dict[str, Any] = json.loads(written.getvalue())
    return result


def _answer(asked: dict[str, Any]) -> list[dict[str, Any]]:
    os.environ["VIMESH_ADDRESS"] = asked["address"]
    results: list[dict[str, Any]] = []
    for name, options in asked["tasks"]:
        if results and results[-1].get("failed") and not asked["ignore_errors"]:
            break
        results.append(_run(name, options, check=asked["check"]))
    return results


if __name__ == "__main__":
    print(json.dumps({name: _module(name).OPTIONS for name in sys.argv[1:]}), flush=True)
    for line in sys.stdin:
        print(json.dumps(_answer(json.loads(line))), flush=True)
