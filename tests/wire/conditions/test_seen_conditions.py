"""What a peer says in a condition must not spoil the message that tells it with those of others."""

from __future__ import annotations

import pytest

from vimesh.domain.conditions.conditions import Condition, ConditionStatus
from vimesh.wire.conditions.condition_messages import seen_condition, seen_condition_message


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ("ready", "ready"),
        ("region \ud800", "region ?"),
        ("nul \0", "nul ?"),
        ("é" * 600, "é" * 512),
    ],
)
def test_any_text_can_be_sent(said: str, sent: str) -> None:
    message = seen_condition_message(Condition("ServiceReady", ConditionStatus.FALSE, "NOT_READY", said))

    assert message.message == sent
    assert seen_condition(message) == Condition("ServiceReady", ConditionStatus.FALSE, "NOT_READY", sent)
