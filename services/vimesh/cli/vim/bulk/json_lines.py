"""VIMs as JSON, one on each line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import BinaryIO

from vimesh.cli.vim.bulk.entries import Entry, Flaw, entry_of


def entries(file: BinaryIO) -> Iterator[Entry | Flaw]:
    for number, line in enumerate(file, 1):
        if line.isspace():
            continue
        try:
            content = json.loads(line.decode("utf-8-sig").rstrip("\r\n"))
        except json.JSONDecodeError as error:
            yield Flaw(number, f"is not JSON: {error.msg} at character {error.colno}")
        except UnicodeDecodeError:
            yield Flaw(number, "is not UTF-8 text")
        except RecursionError:
            yield Flaw(number, "is nested too deep")
        except ValueError:
            yield Flaw(number, "holds a number with too many digits")
        else:
            yield entry_of(number, content)
