"""Renders one template as a program of its own: a template may loop for ever, and ask for all memory.

It reads `{"template": ..., "values": {...}}` from its standard input and writes the text to its standard output. If the
template is at fault, it ends with FAULTY, and with TOO_LARGE if the text would be too long; both with a line for people
on its standard error. It imports nothing of vimesh.
"""

from __future__ import annotations

import json
import resource
import sys

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

MAX_CPU_S = 3
MAX_MEMORY_BYTES = 512 * 1024 * 1024
MAX_OUTPUT_BYTES = 4 * 1024 * 1024
FAULTY = 3
TOO_LARGE = 4
_MAX_ERROR = 200


class OutputTooLarge(TemplateError):
    """The text is longer than it may be."""


def render(template: str, values: dict[str, object]) -> bytes:
    """Raises TemplateError, and what the expressions of a template raise."""
    # Bodies are JSON more often than HTML: escaping is the matter of the template, by `tojson` or `e`.
    environment = ImmutableSandboxedEnvironment(autoescape=False, undefined=StrictUndefined)
    output = bytearray()
    for part in environment.from_string(template).generate(values):
        output += part.encode()
        if len(output) > MAX_OUTPUT_BYTES:
            raise OutputTooLarge(f"the body would have more than {MAX_OUTPUT_BYTES} bytes")
    return bytes(output)


def main() -> int:
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_S, MAX_CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    request = json.load(sys.stdin.buffer)
    try:
        output = render(request["template"], request["values"])
    except MemoryError:
        return _fail("it needs too much memory")
    except OutputTooLarge as error:
        return _fail(f"{error.message}", TOO_LARGE)
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        return _fail(f"line {line}: {error.message}" if line else f"{error.message}")
    except Exception as error:  # noqa: BLE001 - an expression of a template can raise anything
        return _fail(f"{type(error).__name__}: {error}")
    sys.stdout.buffer.write(output)
    return 0


def _fail(text: str, status: int = FAULTY) -> int:
    shown = "".join(character if character.isprintable() else " " for character in text[:_MAX_ERROR])
    sys.stderr.buffer.write(shown.encode(errors="replace"))
    return status


if __name__ == "__main__":
    sys.exit(main())
