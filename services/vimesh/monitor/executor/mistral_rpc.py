"""Notifies Mistral's engine that an action is over. Imports Mistral on first use."""

from __future__ import annotations

RESULT = "KILLED"
"""The value that the old ping action returned when it was stopped."""


def end_execution(action_execution_id: str) -> None:
    """Notify the engine, without waiting for its answer. Blocks while the message bus is unreachable; may raise.

    Mistral's executor sends results in the same way. As there is no answer, an execution that has been deleted in the
    meantime causes no error in the executor's log.
    """
    from mistral import context  # noqa: PLC0415 - only inside an executor
    from mistral.rpc import clients  # noqa: PLC0415 - as above
    from mistral_lib.actions import Result  # noqa: PLC0415 - as above

    context.set_ctx(context.MistralContext(is_admin=True))
    clients.get_engine_client().on_action_complete(action_execution_id, Result(data=RESULT), async_=True)
