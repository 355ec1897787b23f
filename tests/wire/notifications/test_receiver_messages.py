"""What people say of a receiver is checked before anything is done with it, and secrets stay with their address."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.json_format import ParseDict

from tests.support.clouds.authorities import Authority
from vimesh.domain.access.caller import OPEN_CALLER
from vimesh.domain.errors import BadInput
from vimesh.domain.notifications.receivers import ReceiverSettings
from vimesh.domain.notifications.target_secrets import mask_target
from vimesh.v1 import receiver_service_pb2 as pb
from vimesh.wire.message_rules import Rules
from vimesh.wire.notifications.receiver_messages import new_settings, settings_change

HOOK = {"url": "https://chat.example/T0/path", "headers": {"X-Token": "s"}, "bodyTemplate": "{}"}
SIGNED = {"url": "https://e.example/in", "signingSecret": "whsec_" + "A" * 32, "bearerToken": "s"}
ALERTS = {"urls": ["https://am.example:9093"], "username": "u", "password": "s"}
MAIL = {"smtpHost": "mx.example", "fromAddress": "mesh@a.example", "to": ["ops@a.example"]}
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
"""Its content is none."""
PRIVATE_KEY = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
TARGETS = {"alertmanager", "cloudEvents", "email", "tacker", "faultManagement", "webhook"}


@pytest.fixture(scope="module")
def rules() -> Rules:
    return Rules()


def settings(rules: Rules, **fields: Any) -> ReceiverSettings:  # noqa: ANN401 - any JSON
    known = {"name": "ops"} if TARGETS & fields.keys() else {"name": "ops", "webhook": HOOK}
    request = pb.CreateReceiverRequest(receiver=ParseDict(known | fields, pb.Receiver()))
    rules.check(request)
    return new_settings(request.receiver, OPEN_CALLER)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "receiver.name"),
        ({"name": "a\nb"}, "receiver.name"),
        ({"name": "x" * 256}, "receiver.name"),
        ({"filter": "status = UNREACHABLE"}, "filter"),
        ({"filter": "name"}, "filter"),
        ({"filter": " AND ".join(["type = openstack"] * 32), "projectId": "a"}, "filter"),
        ({"statuses": ["REACHABLE"]}, "receiver.statuses[0]"),
        ({"groupBy": ["name"]}, "receiver.group_by"),
        ({"groupBy": ["labels.-"]}, "receiver.group_by"),
        ({"groupBy": ["type", "type"]}, "receiver.group_by"),
        ({"groupBy": [f"labels.l{number}" for number in range(6)]}, "receiver.group_by"),
        ({"groupWait": "301s"}, "receiver.group_wait"),
        ({"groupInterval": "0.9s"}, "receiver.group_interval"),
        ({"repeatInterval": "9s"}, "receiver.repeat_interval"),
        ({"giveUpAfter": "59s"}, "receiver.give_up_after"),
        ({"webhook": {**HOOK, "url": "ftp://a"}}, "receiver.webhook.url"),
        ({"webhook": {**HOOK, "url": "https://u:p@a/"}}, "receiver.webhook.url"),
        ({"webhook": {**HOOK, "url": "https://[::1/"}}, "receiver.webhook.url"),
        ({"webhook": {**HOOK, "url": "http://chat.example/"}}, "receiver.webhook.url"),
        ({"webhook": {**HOOK, "headers": {"Host": "b"}}}, "receiver.webhook.headers"),
        ({"webhook": {**HOOK, "headers": {"X": "a\nY: b"}}}, "receiver.webhook.headers"),
        ({"webhook": {**HOOK, "headers": {"X": "***"}}}, "receiver.webhook.headers"),
        ({"webhook": {**HOOK, "bodyTemplate": "x" * 16385}}, "receiver.webhook.body_template"),
        ({"alertmanager": {"urls": []}}, "receiver.alertmanager.urls"),
        ({"alertmanager": {"urls": ["https://a?b=c"]}}, "receiver.alertmanager.urls"),
        ({"alertmanager": {**ALERTS, "bearerToken": "t"}}, "receiver.alertmanager.bearer_token"),
        ({"alertmanager": {**ALERTS, "username": ""}}, "receiver.alertmanager.username"),
        ({"cloudEvents": {**SIGNED, "signingSecret": "whsec_short"}}, "receiver.cloud_events.signing_secret"),
        ({"email": {**MAIL, "to": ["ops"]}}, "receiver.email.to"),
        ({"email": {**MAIL, "to": ["=?utf-8?q?ops?=@a.example"]}}, "receiver.email.to"),
        ({"email": {**MAIL, "to": ["ops+=?utf-8?q?a?=@a.example"]}}, "receiver.email.to"),
        ({"email": {**MAIL, "to": ["\u00f6ps@a.example"]}}, "receiver.email.to"),
        ({"email": {**MAIL, "to": ["o..ps@a.example"]}}, "receiver.email.to"),
        ({"email": {**MAIL, "to": [".ops@a.example"]}}, "receiver.email.to"),
        ({"email": {**MAIL, "to": ["ops@a..example"]}}, "receiver.email.to"),
        ({"email": {**MAIL, "to": ["o" * 65 + "@a.example"]}}, "receiver.email.to"),
        ({"email": {**MAIL, "fromAddress": "a@b\r\nBcc: c@d"}}, "receiver.email.from_address"),
        ({"email": {**MAIL, "tls": "NONE"}}, "receiver.email.tls"),
        ({"email": {**MAIL, "subjectPrefix": "a\nb"}}, "receiver.email.subject_prefix"),
        ({"tacker": {"url": "https://t", "sslCaCert": "x" * 16385}}, "receiver.tacker.ssl_ca_cert"),
        ({"tacker": {"url": "https://t", "sslCaCert": "/etc/ssl/ca.pem"}}, "receiver.tacker.ssl_ca_cert"),
        ({"tacker": {"url": "https://t", "sslCaCert": CERTIFICATE}}, "receiver.tacker.ssl_ca_cert"),
        ({"tacker": {"url": "https://t", "sslCaCert": CERTIFICATE + PRIVATE_KEY}}, "receiver.tacker.ssl_ca_cert"),
        ({"tacker": {"url": "http://t", "sslCaCert": CERTIFICATE}}, "receiver.tacker.ssl_ca_cert"),
        ({"alertmanager": {"urls": ["https://a", "http://b"], "sslCaCert": CERTIFICATE}}, "receiver.alertmanager.ssl"),
        ({"email": {**MAIL, "smtpHost": "::1", "tls": "NONE", "sslCaCert": CERTIFICATE}}, "receiver.email.ssl_ca_cert"),
    ],
)
def test_a_bad_field_is_named(rules: Rules, fields: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as refused:
        settings(rules, **fields)

    named = [violation.field for violation in refused.value.violations]
    assert any(name.startswith(field) for name in named), named


@pytest.mark.parametrize("address", ["ops@a.example", "o.p-s+lab=x?!#$%&'*/^_`{|}~@mx-1.a.example", "a@localhost"])
def test_addresses_are_those_of_smtp(rules: Rules, address: str) -> None:
    assert settings(rules, email={**MAIL, "to": [address]})


def test_authorities_are_certificates_in_pem(rules: Rules, tmp_path: Path) -> None:
    bundle = "\n".join(Authority(tmp_path, name).file.read_text() for name in ("one", "two"))
    stored = settings(rules, alertmanager={**ALERTS, "sslCaCert": bundle})
    shown = mask_target(stored.target)

    assert stored.target.ssl_ca_cert == shown.ssl_ca_cert == bundle
    same = {"alertmanager": {**ALERTS, "password": "***", "sslCaCert": bundle}}
    assert settings_change(pb.ModifyReceiverRequest(receiver=ParseDict(same, pb.Receiver())))(stored) == stored


def test_a_receiver_needs_a_target() -> None:
    with pytest.raises(BadInput, match="must have one target"):
        new_settings(pb.Receiver(name="a"), OPEN_CALLER)


def test_secrets_may_be_sent_to_this_machine_without_tls(rules: Rules) -> None:
    for url in ("http://127.0.0.1:9093", "http://[::1]:9093"):
        assert settings(rules, alertmanager={**ALERTS, "urls": [url]})
    with pytest.raises(BadInput, match="because secrets are sent to it"):
        settings(rules, alertmanager={**ALERTS, "urls": ["https://a", "http://localhost:9093"]})
    assert settings(rules, alertmanager={"urls": ["http://alertmanager:9093"]})


@pytest.mark.parametrize(
    ("target", "changed"),
    [
        ({"webhook": HOOK}, {"webhook": {**HOOK, "url": "https://evil.example/", "headers": {"X-Token": "***"}}}),
        ({"webhook": HOOK}, {"webhook": {**HOOK, "url": "https://evil.example/***"}}),
        ({"webhook": HOOK}, {"webhook": {**HOOK, "url": "https://chat.example/***", "headers": {"X-Other": "***"}}}),
        ({"alertmanager": ALERTS}, {"alertmanager": {**ALERTS, "urls": ["https://evil.example"], "password": "***"}}),
        ({"cloudEvents": SIGNED}, {"tacker": {"url": SIGNED["url"], "bearerToken": "***"}}),
        (
            {"email": {**MAIL, "username": "u", "password": "s"}},
            {"email": {**MAIL, "smtpHost": "evil.example", "username": "u", "password": "***"}},
        ),
        ({"alertmanager": ALERTS}, {"alertmanager": {**ALERTS, "password": "***", "sslCaCert": CERTIFICATE}}),
        (
            {"webhook": HOOK},
            {"webhook": {"url": "https://chat.example/***", "bodyTemplate": "{}", "sslCaCert": CERTIFICATE}},
        ),
    ],
)
def test_a_secret_is_not_sent_to_another_address(rules: Rules, target: dict[str, Any], changed: dict[str, Any]) -> None:
    stored = settings(rules, **target)
    change = settings_change(pb.ModifyReceiverRequest(receiver=ParseDict(changed, pb.Receiver())))

    with pytest.raises(BadInput, match="none is stored for this address"):
        change(stored)


def test_a_receiver_whose_key_is_lost_can_be_disabled(rules: Rules) -> None:
    """Its secrets cannot be read: masks stand for them, which no check would let pass."""
    known = settings(rules, cloudEvents=SIGNED)
    stored = replace(known, target=mask_target(known.target))
    request = pb.ModifyReceiverRequest(receiver=pb.Receiver(disabled=True), update_mask=FieldMask(paths=["disabled"]))

    changed = settings_change(request)(stored)

    assert changed == replace(stored, disabled=True)
    with pytest.raises(BadInput, match="signing_secret"):
        settings_change(
            pb.ModifyReceiverRequest(
                receiver=ParseDict({"cloudEvents": {**SIGNED, "signingSecret": "short"}}, pb.Receiver())
            )
        )(stored)


def test_a_mask_is_no_secret(rules: Rules) -> None:
    """Whoever repeats what was shown loses nothing, but creates nothing with it either."""
    stored = settings(rules, email={**MAIL, "username": "u", "password": "s"})
    shown = {"email": {**MAIL, "username": "u", "password": "***", "subjectPrefix": "[lab]"}}
    request = pb.ModifyReceiverRequest(receiver=ParseDict(shown, pb.Receiver()), update_mask=FieldMask(paths=["email"]))

    changed = settings_change(request)(stored)

    assert getattr(changed.target, "password", None) == "s"
    with pytest.raises(BadInput, match="none is stored"):
        settings(rules, **shown)
