"""Says in which order tests come, which of them each of the `make check` commands runs, and where their files are."""

from __future__ import annotations

from functools import cache
from itertools import chain
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.processes.files_in_memory import keep_files_in_memory
from tests.support.timing.longest_files import longest_files

_HERE = Path(__file__).parent
_LONG = (
    "fleet/test_walking.py",
    "api/workflows/test_workflows.py",
    "bridge/service/test_matrix.py",
    "bridge/calls/test_old_actions.py",
    "api/audit/test_audit.py",
    "tacker/test_import.py",
    "fleet",
    "bridge",
    "docs",
    "observability/test_outages.py",
    "store/databases/test_servers.py",
    "store/databases/test_galera.py",
    "supply",
    "test_expressions.py",
    "simulation/model",
    "tacker",
    "mistral",
    "engine",
    "api",
)
"""Files, and folders of files, that take the longest. They come first, so that no worker is left alone with one.

The end of a run with several workers says which files those were.
"""

_WHOLE = (
    "api/audit/test_audit.py",
    "api/metrics/test_driver_metrics.py",
    "api/keystone/test_real_keystone.py",
    "api/test_up.py",
    "api/workflows/test_workflows.py",
    "bridge",
    "cli/demo/test_demo.py",
    "cli/login/test_login.py",
    "cli/vim_import/file_source/test_vim_import.py",
    "cli/local_fleet/test_culprit.py",
    "cli/local_fleet/test_fleet_sockets.py",
    "cli/local_fleet/test_up.py",
    "cli/processes/test_under_systemd.py",
    "cli/supervision/test_silence.py",
    "client/test_fleet_under_faults.py",
    "conductor/test_bad_requests_leave_nothing.py",
    "conductor/test_failover.py",
    "wire/test_worst_requests.py",
    "console/test_pages.py",
    "docs",
    "engine",
    "envoy/callers/test_chromium.py",
    "envoy/test_nginx.py",
    "envoy/traffic/test_conductors_come_and_go.py",
    "envoy/traffic/test_http2_abuse.py",
    "envoy/traffic/test_poison.py",
    "fleet",
    "fuzz/test_doors.py",
    "installations/test_ansible.py",
    "mistral",
    "monitor/logins/clouds/test_keystone_logins.py",
    "monitor/names/test_names.py",
    "observability/test_outages.py",
    "observability/test_scraped_fleet.py",
    "observability/test_secured_scrape.py",
    "samples/test_languages.py",
    "samples/test_unsteady_conductor.py",
    "simulation/model/test_mutations.py",
    "simulation/notifications/test_short.py",
    "simulation/places/test_short.py",
    "store/backup/test_server_backup.py",
    "store/connections/test_connection_errors.py",
    "store/connections/test_database_tls.py",
    "store/connections/test_poolers.py",
    "store/connections/test_several_hosts.py",
    "store/databases/test_conflicts.py",
    "store/databases/test_failover.py",
    "store/databases/test_galera.py",
    "store/databases/test_servers.py",
    "store/transactions/test_driver_errors.py",
    "supply/test_broken_installs.py",
    "supply/test_fresh_environments.py",
    "tacker/test_import.py",
    "tacker/test_import_rights.py",
    "tacker/test_interrupted.py",
    "test_expressions.py",
)
"""Files and folders that only `make check-all` runs, as CI does: they start whole fleets and foreign servers."""

_ON_SERVERS = (
    "contracts/leases/test_store_lapses.py",
    "contracts/leases/test_store_leases.py",
    "contracts/reports/test_store_reports.py",
    "contracts/vims/test_store.py",
    "contracts/vims/test_store_modify.py",
)
"""The contracts that `make check` runs on each database; the others it runs on SQLite alone."""

_QUICK = (
    *_ON_SERVERS,
    "domain",
    "monitor",
    "rpc",
    "runtime",
    "store",
    "watchdog",
    "wire",
    "test_architecture.py",
    "test_house.py",
    "test_lasting_names.py",
    "test_openapi.py",
    "test_reference.py",
)
"""Of these, `make check-quick` runs what needs neither root nor a program that is not of this project."""

_NOT_QUICK = (
    "monitor/metrics/test_monitor_collector.py",
    "monitor/names/test_lookup_queue.py",
    "monitor/names/test_name_renewal.py",
    "monitor/names/test_resolver.py",
    "monitor/names/test_system_names.py",
    "monitor/probes/http/test_odd_answers.py",
    "monitor/probes/icmp/test_odd_pings.py",
    "monitor/probes/idle/test_few_files.py",
    "monitor/probes/idle/test_kept_connections.py",
    "monitor/probes/idle/test_spare_workers.py",
    "monitor/probes/tcp/test_own_output.py",
    "monitor/probes/tls/test_tls_servers.py",
    "monitor/test_poison.py",
)
"""These would be, but wait for time-outs, or start processes."""

_PROGRAMS = {
    "tests.support.deployments.envoys",
    "tests.support.deployments.fleets",
    "tests.support.networks.namespaces",
    "tests.support.probers.prober",
}


_FLEET_S = 180
"""Limit of a test of fleets, each of which takes a core 10 s and more to start: what is awaited has its own."""


_SHOWN = 25
"""Number of the longest files that a run names."""


def pytest_configure() -> None:
    keep_files_in_memory()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--poolers", action="store_true", help="run all contracts of the store behind pgbouncer, too")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the files; leave the order within a file, and that of all other files, as it is."""
    items.sort(key=lambda item: _place(item.path, _LONG))
    for item in items:
        if item.get_closest_marker("fleet") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(_FLEET_S))
        if _is_in(item, _WHOLE) or (_is_on_server(item) and not _is_in(item, _ON_SERVERS)):
            item.add_marker(pytest.mark.whole)
        elif _is_in(item, _QUICK) and not (_is_in(item, _NOT_QUICK) or _is_on_server(item) or _needs_program(item)):
            item.add_marker(pytest.mark.quick)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.getoption("numprocesses", None):
        terminalreporter.section("longest files")
        for file, seconds in longest_files(chain.from_iterable(terminalreporter.stats.values()), _SHOWN):
            terminalreporter.line(f"{seconds:7.1f}s {file}")


def _is_in(item: pytest.Item, places: tuple[str, ...]) -> bool:
    return _place(item.path, places) < len(places)


@cache
def _place(path: Path, places: tuple[str, ...]) -> int:
    path = path.relative_to(_HERE)
    return next((number for number, place in enumerate(places) if path.is_relative_to(place)), len(places))


def _is_on_server(item: pytest.Item) -> bool:
    """Return whether it is a contract of the store that runs on a database server."""
    spec = getattr(item, "callspec", None)
    return spec is not None and spec.params.get("database_url", "sqlite") != "sqlite"


def _needs_program(item: pytest.Item) -> bool:
    assert isinstance(item, pytest.Function)
    return _uses_program(item.module)


@cache
def _uses_program(module: ModuleType) -> bool:
    return any(getattr(value, "__module__", None) in _PROGRAMS for value in vars(module).values())
