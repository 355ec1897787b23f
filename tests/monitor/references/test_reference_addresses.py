"""What may be written as references, and what is said about the rest."""

from __future__ import annotations

import pytest

from vimesh.domain.errors import BadSetting
from vimesh.domain.probing import Method
from vimesh.domain.settings import Sources
from vimesh.monitor.executor.executor_settings import executor_settings
from vimesh.monitor.references.reference_addresses import REFERENCES, format_references, parse_references


def test_hosts_are_pinged_ports_connected_to_and_urls_fetched() -> None:
    text = (
        "192.0.2.1, gateway.example,192.0.2.53:53,[2001:db8::1]:853,2001:db8::2,[2001:db8::3],https://a.example/health"
    )

    references = parse_references(text)

    assert [(one.method, one.url) for one in references] == [
        (Method.PING, "http://192.0.2.1"),
        (Method.PING, "http://gateway.example"),
        (Method.TCP, "http://192.0.2.53:53"),
        (Method.TCP, "http://[2001:db8::1]:853"),
        (Method.PING, "http://[2001:db8::2]"),
        (Method.PING, "http://[2001:db8::3]"),
        (Method.HTTP, "https://a.example/health"),
    ]
    assert format_references(references) == text.replace(", ", ",")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("192.0.2.1", "must be 2 to 8 addresses, or none, not '192.0.2.1'"),
        (",", "must be 2 to 8 addresses, or none, not ','"),
        (",".join(f"192.0.2.{number}" for number in range(9)), "must be 2 to 8 addresses, or none, not '192.0.2.0,"),
        ("192.0.2.1,192.0.2.1", "must name at least two different hosts"),
        ("192.0.2.1,192.0.2.1:53", "must name at least two different hosts"),
        ('["192.0.2.1", "192.0.2.2"]', "must be one string, such as"),
        ("['192.0.2.1', '192.0.2.2']", "must be one string, such as"),
        ("192.0.2.1,192.0.2.256", "must be a host, host:port, or a URL, not '192.0.2.256'"),
        ("192.0.2.1,here:port", "not 'here:port': the port is no number"),
        ("192.0.2.1,here:", "not 'here:': the port is no number"),
        ("192.0.2.1,here:0", "port 0 cannot be reached"),
        ("192.0.2.1,here:70000", "has a port that is no number up to 65535"),
        ("192.0.2.1,192.0.2.0/24", "must be a host, host:port, or a URL, not '192.0.2.0/24'"),
        ("192.0.2.1,ftp://here", "must start with http:// or https://"),
        ("192.0.2.1,two words", "holds blanks"),
        ("192.0.2.1,[::1", "must be a host, host:port, or a URL"),
        ("192.0.2.1,:::::::::", "must be a host, host:port, or a URL"),
        ("192.0.2.1," + "x" * 5000, "must be a host, host:port, or a URL, not 'xxx"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(text: str, says: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the message is compared
        parse_references(text)

    assert says in str(raised.value)
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize("text", ["https://user:secret@a,b", "https://a/?token=secret,b", "user:secret@a,b"])
def test_secrets_are_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="without user, query and fragment") as raised:
        parse_references(text)

    assert "secret" not in str(raised.value)


def test_executors_read_the_same_setting() -> None:
    environment = {"VIMESH_MONITOR_REFERENCES": "192.0.2.1,192.0.2.2"}

    assert executor_settings(environment).references == parse_references("192.0.2.1,192.0.2.2")
    with pytest.raises(
        BadSetting, match=r"VIMESH_MONITOR_REFERENCES: must be 2 to 8 addresses, or none, not '192.0.2.1'"
    ):
        Sources({"VIMESH_MONITOR_REFERENCES": "192.0.2.1"}, {}).read(REFERENCES)
