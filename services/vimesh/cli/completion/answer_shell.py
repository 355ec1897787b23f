"""Answers a shell that completes a word, in the form that the scripts of `vimesh --show-completion` take."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from vimesh.cli.completion.complete_word import Answers, candidates, is_plain

COMPLETE_VARIABLE: Final = "_VIMESH_COMPLETE"
"""Set by the scripts, to `complete_SHELL`."""
FETCH_VARIABLE: Final = "_VIMESH_COMPLETE_FETCH"
"""Set for the process that reads the fleet: where to keep what it reads."""
WORDS_FILE: Final = f"{__file__.rpartition('/')[0]}/completion_words.json"
_PROGRAM: Final = (sys.executable, "-P", "-m", "vimesh.cli")
"""With -P, nothing is imported from the folder in which somebody types."""
_BREAKS: Final = ("=", ":")
"""Where bash, as it comes, begins another word."""
_QUOTES: Final = ("'", '"')
_COMPARISONS: Final = str.maketrans("", "", "<>")


def answer_shell(environment: Mapping[str, str]) -> int | None:
    """Print what the word at the cursor may become, and return the exit code; None: it is another shell's request."""
    match environment[COMPLETE_VARIABLE]:
        case "complete_bash":
            lines = environment.get("COMP_WORDS", "").split("\n")[1:]
            place = int(environment.get("COMP_CWORD", "0")) - 1
            *words, word = _joined([*lines[:place], lines[place] if 0 <= place < len(lines) else ""])
            # In quotes that are still open, bash sees no break.
            is_quoted = word.startswith(_QUOTES)
            found = _found(words, word[1:] if is_quoted else word, environment)
            # Bash replaces what follows the last break alone.
            begin = 0 if is_quoted else max(word.rfind(each) for each in _BREAKS) + 1
            print("\n".join(each[begin:] for each in found or ()))  # noqa: T201 - the answer
            return 0
        case "complete_zsh":
            words, word = _split(environment.get("_TYPER_COMPLETE_ARGS", ""))
            found = _found(words, word, environment)
            # Zsh evaluates the answer, and what somebody has typed so far is part of it.
            plain = [each for each in found or () if is_plain(each.replace(" ", "").translate(_COMPARISONS))]
            texts = " ".join('"' + each.replace(":", r"\\:") + '"' for each in plain)
            print(f"_arguments '*: :(({texts}))'" if texts else "_files")  # noqa: T201 - the answer
            return 0
        case "complete_fish":
            words, word = _split(environment.get("_TYPER_COMPLETE_ARGS", ""))
            found = _found(words, word, environment)
            if environment.get("_TYPER_COMPLETE_FISH_ACTION") == "is-args":
                return 0 if found else 1
            print("\n".join(found or ()))  # noqa: T201 - the answer
            return 0
    return None


def _found(words: list[str], word: str, environment: Mapping[str, str]) -> list[str] | None:
    def read() -> Answers:
        from vimesh.cli.completion.answer_cache import AnswerCache  # noqa: PLC0415 - commands and flags need none

        return AnswerCache(words, environment, _PROGRAM, FETCH_VARIABLE).read()

    with open(WORDS_FILE, encoding="utf-8") as file:  # noqa: PTH123 - pathlib takes as long as all else
        table = json.load(file)
    return candidates(table, words, word, read)


def _joined(words: list[str]) -> list[str]:
    """Put together what bash has cut at `=` and `:`."""
    joined: list[str] = []
    is_open = False
    for word in words:
        is_break = bool(word) and all(each in _BREAKS for each in word)
        if joined and (is_break or is_open):
            joined[-1] += word
        else:
            joined.append(word)
        is_open = is_break
    return joined


def _split(line: str) -> tuple[list[str], str]:
    """Return the words of a line but the first, and the one at its end, which is empty after a blank."""
    import shlex  # noqa: PLC0415 - bash cuts its line by itself

    try:
        words = shlex.split(line)
    except ValueError:
        for quote in _QUOTES:
            with suppress(ValueError):
                # What is in a quote that is still open is one word, whatever it ends with.
                *words, word = shlex.split(line + quote)
                return words[1:], word
        words = line.split()
    if line.endswith(" ") or len(words) < 2:
        return words[1:], ""
    return words[1:-1], words[-1]
