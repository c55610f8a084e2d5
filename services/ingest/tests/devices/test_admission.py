"""Who comes in, and with which permissions."""

from __future__ import annotations

import pytest

from ioc_ingest.devices.admission import (
    Admit,
    DeviceRecord,
    LoginRequest,
    Refusal,
    Refuse,
    decide,
    hash_secret,
    new_secret,
)


def a_record(device_id: str = "aq-vinh-01", tenant: str = "vinh", *, is_revoked: bool = False) -> DeviceRecord:
    return DeviceRecord(device_id, tenant, hash_secret(device_id, "right"), is_revoked)


def a_login(user: str = "aq-vinh-01", password: str = "right", client_id: str = "aq-vinh-01") -> LoginRequest:  # noqa: S107
    return LoginRequest(user, password, client_id)


def test_a_device_with_its_own_secret_publishes_below_its_own_topic_only() -> None:
    assert decide(a_login(), a_record()) == Admit(
        "aq-vinh-01",
        "vinh",
        publish=("dev.vinh.aq-vinh-01.>",),
        publish_denied=("dev.vinh.aq-vinh-01.down", "dev.vinh.aq-vinh-01.down.>"),
        subscribe=("dev.vinh.aq-vinh-01.down", "dev.vinh.aq-vinh-01.down.>"),
    )


@pytest.mark.parametrize(
    ("login", "record", "reason"),
    [
        (a_login(), None, Refusal.UNKNOWN_DEVICE),
        (a_login(user="aq-vinh-02"), a_record(), Refusal.UNKNOWN_DEVICE),
        (a_login(password="wrong"), a_record(), Refusal.WRONG_SECRET),
        (a_login(password=""), a_record(), Refusal.WRONG_SECRET),
        (a_login(), a_record(is_revoked=True), Refusal.REVOKED),
        (a_login(password="wrong"), a_record(is_revoked=True), Refusal.WRONG_SECRET),
        (a_login(client_id="aq-vinh-02"), a_record(), Refusal.WRONG_CLIENT_ID),
        (a_login(client_id=""), a_record(), Refusal.WRONG_CLIENT_ID),
    ],
)
def test_anything_less_is_refused_with_its_reason(
    login: LoginRequest, record: DeviceRecord | None, reason: Refusal
) -> None:
    assert decide(login, record) == Refuse(reason)


@pytest.mark.parametrize("name", ["*", ">", "a.b", "a b", "", "aq/vinh", "đo-01", "x" * 65, "aq\n"])
def test_a_record_whose_name_would_widen_a_permission_is_refused(name: str) -> None:
    assert decide(a_login(name, client_id=name), a_record(name)) == Refuse(Refusal.BAD_RECORD)
    assert decide(a_login(), a_record(tenant=name)) == Refuse(Refusal.BAD_RECORD)


def test_the_hash_of_one_device_opens_no_other() -> None:
    copied = DeviceRecord("aq-vinh-02", "vinh", hash_secret("aq-vinh-01", "right"))
    assert decide(a_login("aq-vinh-02", client_id="aq-vinh-02"), copied) == Refuse(Refusal.WRONG_SECRET)


def test_the_hash_is_what_the_decision_record_says() -> None:
    # Held by the registry too, which issues the secrets: a change here locks every device out.
    assert hash_secret("aq-vinh-01", "right").hex() == (
        "816876b4e5abdf7606a7d0886fc420882ec05073037391b86c51291c2f859720"
    )


def test_secrets_are_256_random_bits() -> None:
    assert len(new_secret()) == 43
    assert new_secret() != new_secret()


def test_neither_secret_nor_hash_shows_in_a_log() -> None:
    assert "right" not in repr(a_login())
    assert a_record().secret_hash.hex() not in repr(a_record())
    assert str(a_record().secret_hash) not in repr(a_record())
