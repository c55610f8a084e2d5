"""Tokens that prove nothing: refused at the gateway and at the gRPC door, in the same words, whoever signed them."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from joserfc.jwk import RSAKey

from ioc.ingest.v1 import observation_pb2, observation_pb2_grpc

FOREIGN = RSAKey.generate_key(2048, parameters={"use": "sig", "alg": "RS256", "kid": "foreign"})


def _unsigned(token: str) -> str:
    header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"at+jwt"}').rstrip(b"=").decode()
    return f"{header}.{token.split('.')[1]}."


CASES: dict[str, tuple[Callable[[Callable[..., str]], str], str]] = {
    "expired": (lambda forge: forge(exp=int(time.time()) - 3600), "expired"),
    "for another audience": (lambda forge: forge(aud="somebody-else"), "audience"),
    "unsigned": (lambda forge: _unsigned(forge()), "algorithm"),
    "signed by another": (lambda forge: forge(key=FOREIGN), "signature"),
    "of another issuer": (lambda forge: forge(iss="https://elsewhere.example/realms/ioc"), "issuer"),
    "without tenant": (lambda forge: forge(tenant=None), "tenant"),
    "an ID token": (lambda forge: forge(header={"typ": "JWT"}, typ="ID"), "kind"),
    "nonsense": (lambda forge: "x" * 40, "malformed"),
}


async def test_the_forge_is_good_enough_to_be_let_in(forge: Callable[..., str], api: Callable[..., Any]) -> None:
    answer = await api("").get("/api/v1/me", headers={"Authorization": f"Bearer {forge()}"})
    assert (answer.status_code, answer.json()["tenant"]) == (200, "nghe-an")


@pytest.mark.parametrize("case", CASES)
async def test_a_token_that_proves_nothing_is_refused(
    case: str,
    platform: Any,
    api: Callable[..., Any],
    channel: Callable[..., Any],
    forge: Callable[..., str],
    refused: Callable[..., Any],
) -> None:
    make, why = CASES[case]
    token = make(forge)
    answer = await api("").get("/api/v1/alerts", headers={"Authorization": f"Bearer {token}"})
    problem = refused(answer, 401, "TOKEN_REFUSED")
    assert problem["facts"]["why"] == why
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert token not in answer.text

    stub = observation_pb2_grpc.ObservationServiceStub(channel("ingest"))
    with pytest.raises(grpc.aio.AioRpcError) as at_the_door:
        await stub.ListLatestObservations(
            observation_pb2.ListLatestObservationsRequest(), metadata=(("authorization", f"Bearer {token}"),)
        )
    assert at_the_door.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert "Traceback" not in str(at_the_door.value.details())


async def test_without_a_token_nothing_is_told(api: Callable[..., Any], refused: Callable[..., Any]) -> None:
    answer = await api("").get("/api/v1/alerts")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
