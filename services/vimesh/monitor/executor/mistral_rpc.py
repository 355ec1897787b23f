"""The one thing that our actions tell Mistral's engine: that they are over. Imports Mistral when it is first used."""

from __future__ import annotations

RESULT = "KILLED"
"""What the old ping action returned when it was told to stop."""


def end_execution(action_execution_id: str) -> None:
    """Tell the engine, without waiting for what it makes of it. Blocks while the message bus is away; may raise.

    It is how Mistral's executor sends results too. Nobody answers, so nobody complains in the executor's log when
    the execution was deleted meanwhile.
    """
    from mistral import context  # noqa: PLC0415 - only inside an executor
    from mistral.rpc import clients  # noqa: PLC0415 - as above
    from mistral_lib.actions import Result  # noqa: PLC0415 - as above

    context.set_ctx(context.MistralContext(is_admin=True))
    clients.get_engine_client().on_action_complete(action_execution_id, Result(data=RESULT), async_=True)
