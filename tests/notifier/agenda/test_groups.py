"""Keys of groups."""

from __future__ import annotations

import json

from vimesh.notifier.agenda.agenda_values import VimFacts
from vimesh.notifier.agenda.groups import MAX_KEY_BYTES, group_key, group_values

_LONG_LABELS = tuple(f"labels.{'d' * 60}{number}.example.com/{'k' * 63}" for number in range(5))


def test_a_key_has_the_values_in_the_order_of_the_receiver() -> None:
    facts = VimFacts("lab", "openstack", "a", "http://10.0.0.1/", {"region": "eu", "rack": "7"})
    names = ("labels.region", "reason", "project_id", "type", "labels.owner")

    key = group_key(names, "TIMEOUT", facts)

    values = {"labels.region": "eu", "reason": "TIMEOUT", "project_id": "a", "type": "openstack", "labels.owner": ""}
    assert list(json.loads(key).items()) == list(values.items())
    assert group_values(key) == json.loads(key)
    assert not group_values("")


def test_a_key_is_short_enough_to_be_recorded_and_still_tells_groups_apart() -> None:
    labels = {name.removeprefix("labels."): "v" * 63 for name in _LONG_LABELS}
    longest = tuple(f"labels.{'x' * 253}/{'k' * 62}{number}" for number in range(4))

    keys = {
        group_key((*longest, "project_id"), "", VimFacts("", project_id="Ω" * 254 + last, labels=labels))
        for last in "abc"
    }

    assert len(keys) == 3
    assert all(len(key.encode()) <= MAX_KEY_BYTES for key in keys)
    assert len(group_key(_LONG_LABELS, "", VimFacts("", labels=labels)).encode()) <= MAX_KEY_BYTES
