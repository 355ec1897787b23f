"""Routes the console and status pages: what browsers read without saying who they are.

Only GET and HEAD, and within a rate: a console serves strangers. The application itself calls conductors as any other
caller does.
"""

from __future__ import annotations

from typing import Final

from vimesh.envoy.refusals.refusal_routes import Route, answer
from vimesh.envoy.traffic import clusters
from vimesh.envoy.traffic.opening_rate import of_pages
from vimesh.envoy.traffic.retries import repeatable
from vimesh.envoy.vocabulary.extensions import method_is
from vimesh.envoy.vocabulary.request_headers import drop_grpc

ROOT: Final = "/"
CONSOLE: Final = "/console"
PREFIXES: Final = ("/console/", "/status/")
_PAGE_S: Final = 15.0


def reads() -> dict[str, object]:
    """Match the methods that are served."""
    return method_is("GET|HEAD")


def asks_for_page() -> dict[str, object]:
    """Match what browsers ask for when somebody types an address. For other clients the root does not exist."""
    return {"name": "accept", "string_match": {"contains": "text/html"}}


def console_routes(body_limit: dict[str, object]) -> list[Route]:
    """Return the routes; the first that matches wins. `body_limit`: the settings of the filter that limits bodies."""
    paths: list[dict[str, object]] = [{"path": CONSOLE}]
    paths += [{"prefix": prefix} for prefix in PREFIXES]
    matches = [
        {"path": ROOT, "headers": [reads(), asks_for_page()]},
        *({**path, "headers": [reads()]} for path in paths),
    ]
    served: list[Route] = [
        {
            "match": match,
            "route": {"cluster": clusters.CONSOLE, "timeout": f"{_PAGE_S:g}s", "retry_policy": repeatable()},
            "typed_per_filter_config": {**of_pages(), **body_limit, **drop_grpc()},
        }
        for match in matches
    ]
    return [*served, *map(_read_only, paths)]


def _read_only(path: dict[str, object]) -> Route:
    return {
        "match": path,
        "direct_response": answer(405, "the path is only read"),
        "response_headers_to_add": [{"header": {"key": "allow", "value": "GET, HEAD"}}],
    }
