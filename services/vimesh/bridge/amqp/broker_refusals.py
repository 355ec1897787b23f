"""Explains a broker's refusals, and what an operator can do about them."""

from __future__ import annotations

from aio_pika.exceptions import AuthenticationError, ChannelClosed, ConnectionClosed
from aiormq.exceptions import AMQPConnectionError

from vimesh.bridge.amqp.close_reasons import CloseReason, on_one_line

TRANSIENT_DENIED = "transient_nonexcl_queues"
_TRANSPORT_ENDED = ("Server connection", "Server communication")
OTHER_CERTIFICATE = "the broker may want another certificate, see ssl_cert_file and ssl_key_file"
NO_TLS = "if this port speaks TLS, set ssl"
_SET_QUORUM = (
    "set rabbit_quorum_queue and rabbit_transient_quorum_queue for all of OpenStack's services, and give the bridge "
    "their file by --config-file"
)
_OPTIONS_OF_ARGUMENTS = {
    "'durable'": "amqp_durable_queues, rabbit_quorum_queue",
    "'auto_delete'": "amqp_auto_delete",
    "'x-queue-type'": "rabbit_quorum_queue",
    "'x-delivery-limit'": "rabbit_quorum_delivery_limit",
    "'x-max-in-memory-length'": "rabbit_quorum_max_memory_length",
    "'x-max-in-memory-bytes'": "rabbit_quorum_max_memory_bytes",
    "'x-ha-policy'": "rabbit_ha_queues",
}
_ADVICE = (
    # The first entry whose words all occur in the text applies.
    (("Login was refused",), "transport_url has user name and password; rabbit_login_method sets how they are sent"),
    (("vhost", "not found"), "the virtual host is the path of transport_url; rabbitmqctl add_vhost creates one"),
    (("access to vhost", "refused"), "rabbitmqctl set_permissions -p VIRTUAL-HOST USER '.*' '.*' '.*' allows it"),
    (
        ("access to", "refused for user"),
        "the user needs the right to configure, write and read it: rabbitmqctl set_permissions",
    ),
    ((TRANSIENT_DENIED,), _SET_QUORUM),
    (("RESOURCE_LOCKED",), "another connection uses it exclusively: close that one, or delete the queue"),
    (("down or inaccessible",), "start the node that hosts the queue, or delete the queue"),
)


def failure_reason(error: BaseException, close_reason: CloseReason | None, *, if_it_ended: str = "") -> str:
    """Return why an attempt failed: the broker's own words if there are any, with advice, and never a password.

    `if_it_ended` is the advice for a connection that the broker closed without giving a reason.
    """
    if close_reason is None:
        why = _without_words(error)
        return f"{why}: {if_it_ended}" if if_it_ended and why.startswith(_TRANSPORT_ENDED) else why
    advice = advice_on(close_reason.text)
    return f"{close_reason}: {advice}" if advice else str(close_reason)


def refusal_text(error: ChannelClosed | ConnectionClosed) -> str:
    """Return the broker's reason for closing a channel; the library drops the code where the text implies it."""
    return on_one_line(" ".join(str(each) for each in error.args if each is not None))


def advice_on(text: str) -> str:
    """Return what an operator can do; empty if that is not known."""
    if "inequivalent arg" in text:
        return next(
            (
                f"set {options} as the other services do"
                for name, options in _OPTIONS_OF_ARGUMENTS.items()
                if name in text
            ),
            "",
        )
    return next((advice for words, advice in _ADVICE if all(word in text for word in words)), "")


def _without_words(error: BaseException) -> str:
    # Some of the library's messages contain the whole URL: pass on only those known to be harmless.
    if isinstance(error, ChannelClosed):
        words = refusal_text(error)
        return f"{words}: {advice}" if (advice := advice_on(words)) else words
    if isinstance(error, AuthenticationError):
        return f"the broker offers other login methods: {on_one_line(str(error.args[0]))}; set rabbit_login_method"
    if isinstance(error, TimeoutError):
        return "it does not answer in time"
    if isinstance(error, OSError) and error.strerror:
        return _of_tls(error.strerror)
    if type(error) is AMQPConnectionError and str(error).startswith(_TRANSPORT_ENDED):
        # The transport's own words: byte counts, or a TLS alert.
        return on_one_line(str(error))
    return type(error).__name__


def _of_tls(text: str) -> str:
    if "mismatch" in text:
        return f"{text}: transport_url must name the host as its certificate does"
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return f"{text}: ssl_ca_file must hold the CA that signed the broker's certificate"
    if "WRONG_VERSION_NUMBER" in text:
        return f"{text}: this port does not speak TLS; port 5671 usually does"
    return f"{text}: {OTHER_CERTIFICATE}" if "ALERT" in text else text
