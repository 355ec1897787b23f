"""Runs Tacker's own ping action as it was shipped, in a green process, as Mistral's executors were then.

Arguments: a configuration file, the id of the VIM, the address to ping. Writes events as lines of JSON.
"""

from __future__ import annotations

import eventlet

eventlet.monkey_patch()

import json  # noqa: E402 - after the patch
import sys  # noqa: E402 - after the patch

from oslo_config import cfg  # noqa: E402 - after the patch
from tacker.nfvo.workflows.vim_monitor.vim_ping_action import PingVimAction  # noqa: E402 - after the patch


def main() -> None:
    configuration, vim_id, target_ip = sys.argv[1:]
    cfg.CONF([], project="tacker", default_config_files=[configuration])
    print(json.dumps({"event": "started", "vim_id": vim_id}), flush=True)
    result = PingVimAction("1", target_ip, vim_id, "1", "1").run(None)
    print(json.dumps({"event": "ended", "vim_id": vim_id, "result": result}), flush=True)
    while True:  # an executor lives on, with everything that the action has left open
        eventlet.sleep(60)


if __name__ == "__main__":
    main()
