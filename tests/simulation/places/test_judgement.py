"""The judge of the long run finds what it is there to find."""

from __future__ import annotations

import pytest

from tests.simulation.places.faults import Script, monitor, prefix
from tests.simulation.places.judgement import is_rightly_named, wrongs
from tests.simulation.places.landscape import mixed_landscape
from tests.simulation.places.play import Observation

_SITES = {site.address: site for site in mixed_landscape(per_prefix=3, per_zone=0)}
_LOST = {f"10.20.0.{number}" for number in (1, 2, 3)}
_SCRIPT: Script = (prefix("10.20.0"),)
_NAME = ("NETWORK", "10.20.0.0/24")
_LIMIT_S = 3.0


def seen(**fields: object) -> Observation:
    """Return what is right, but for `fields`."""
    right: dict[str, object] = {
        "names": [_NAME],
        "delays_s": dict.fromkeys(_LOST, 1.0),
        "problems": 1,
        "told": _LOST,
    }
    return Observation(**(right | fields))  # type: ignore[arg-type]  # fields by name


def test_what_is_right_is_not_wrong() -> None:
    assert wrongs(_SCRIPT, seen(problems=2), _SITES, _LIMIT_S) == []
    assert is_rightly_named(_SCRIPT, seen())


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"missed": {"10.20.0.1"}}, "1 lost VIMs were never called UNREACHABLE"),
        ({"delays_s": dict.fromkeys(_LOST, 3.1)}, "3 lost VIMs were called UNREACHABLE too late"),
        ({"accused": {"10.20.1.1"}}, "1 VIMs were accused that work, such as http://10.20.1.1:7700/v3 of south"),
        ({"doubted": {"10.20.1.1": "DISPUTED"}}, "1 VIMs were in doubt (DISPUTED)"),
        ({"problems": 3}, "3 notifications of 1 faults"),
        ({"told": {"10.20.0.2"}}, "nobody was told of 2 lost VIMs, such as http://10.20.0.1"),
    ],
)
def test_each_wrong_is_found(fields: dict[str, object], says: str) -> None:
    [wrong] = wrongs(_SCRIPT, seen(**fields), _SITES, _LIMIT_S)

    assert wrong.startswith(says)


def test_doubts_are_right_while_a_monitor_is_cut_off() -> None:
    script = (*_SCRIPT, monitor("n1"))

    assert wrongs(script, seen(doubted={"10.20.1.1": "DISPUTED"}), _SITES, _LIMIT_S) == []


@pytest.mark.parametrize("names", [[], [_NAME, _NAME], [_NAME, ("LABEL", "rack=r1")], [("NETWORK", "10.20.0.0/22")]])
def test_a_name_too_many_too_few_or_another_one_is_not_right(names: list[tuple[str, str]]) -> None:
    assert not is_rightly_named(_SCRIPT, seen(names=names))
