from datetime import timedelta

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from ioc_kit.errors import Exhausted, FieldViolation, Forbidden, InvalidInput, NotFound, Unauthenticated, Unavailable
from ioc_kit.rpc import RpcServer, current_caller, decode_page_token, encode_page_token, error_from_call
from ioc_kit.rpc.client import token_metadata
from ioc_kit.testing import SigningIssuer

POLICY = {
    "/test.Echo/Say": frozenset({"operator", "partner"}),
    "/test.Echo/Count": frozenset({"operator"}),
    "/test.Echo/Closed": frozenset(),
}


class SecretNotFound(NotFound):
    reason = "SECRET_NOT_FOUND"

    def __init__(self, name):
        super().__init__(f"no secret {name!r}", name=name)


async def say(request, _context):
    caller = current_caller()
    match request.value:
        case "missing":
            raise SecretNotFound("blue")
        case "wrong":
            raise InvalidInput("two fields", FieldViolation("a", "is too long"), FieldViolation("b", "is missing"))
        case "full":
            raise Exhausted("too many", timedelta(seconds=7))
        case "crash":
            raise ZeroDivisionError("the password is hunter2")
    return StringValue(value=f"{caller.tenant}/{caller.scope}/{request.value}")


async def count(request, _context):
    for number in range(int(request.value)):
        yield StringValue(value=f"{number} {current_caller().tenant}")
    if request.value == "2":
        raise SecretNotFound("green")


@pytest.fixture
def issuer():
    return SigningIssuer()


@pytest.fixture
async def channel(issuer):
    verifier = issuer.verifier()
    server = RpcServer("127.0.0.1:0", domain="test.ioc", verify=verifier.verify, policy=POLICY)
    coding = {"request_deserializer": StringValue.FromString, "response_serializer": StringValue.SerializeToString}
    handlers = {
        "Say": grpc.unary_unary_rpc_method_handler(say, **coding),
        "Closed": grpc.unary_unary_rpc_method_handler(say, **coding),
        "Unlisted": grpc.unary_unary_rpc_method_handler(say, **coding),
        "Count": grpc.unary_stream_rpc_method_handler(count, **coding),
    }
    server.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Echo", handlers),))
    await server.start()
    async with grpc.aio.insecure_channel(server.address) as channel:
        yield channel
    await server.drain(0.1)
    await verifier.aclose()


async def call(channel, token, text, method="Say", **narrow):
    rpc = channel.unary_unary(
        f"/test.Echo/{method}",
        request_serializer=StringValue.SerializeToString,
        response_deserializer=StringValue.FromString,
    )
    return (await rpc(StringValue(value=text), metadata=token_metadata(token, **narrow))).value


async def error_of(channel, token, text, method="Say", **narrow):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(channel, token, text, method, **narrow)
    return error_from_call(caught.value)


async def test_a_call_runs_as_its_caller(channel, issuer):
    assert await call(channel, issuer.token("partner", tenant="vinh"), "hi") == "vinh/own/hi"
    assert await call(channel, issuer.token("operator"), "hi") == "nghe-an/province/hi"


async def test_errors_keep_reason_facts_and_fields(channel, issuer):
    token = issuer.token("operator")
    missing = await error_of(channel, token, "missing")
    assert isinstance(missing, NotFound)
    assert (missing.reason, missing.metadata) == ("SECRET_NOT_FOUND", {"name": "blue"})
    wrong = await error_of(channel, token, "wrong")
    assert isinstance(wrong, InvalidInput)
    assert [(v.field, v.description) for v in wrong.violations] == [("a", "is too long"), ("b", "is missing")]
    full = await error_of(channel, token, "full")
    assert isinstance(full, Exhausted)
    assert full.retry_after == timedelta(seconds=7)


async def test_an_unexpected_error_tells_nothing_of_the_inside(channel, issuer):
    crash = await error_of(channel, issuer.token("operator"), "crash")
    assert "hunter2" not in crash.message
    assert "ZeroDivision" not in crash.message
    assert crash.http_status == 500


@pytest.mark.parametrize("method", ["Closed", "Unlisted"])
async def test_a_method_without_a_policy_is_refused(channel, issuer, method):
    refused = await error_of(channel, issuer.token("operator", "province-admin"), "hi", method)
    assert isinstance(refused, Forbidden)
    assert refused.reason == "METHOD_REFUSED"


async def test_no_token_is_unauthenticated(channel):
    assert isinstance(await error_of(channel, "", "hi"), Unauthenticated)
    assert isinstance(await error_of(channel, "x.y.z", "hi"), Unauthenticated)


async def test_a_named_tenant_narrows_the_province_and_is_refused_to_others(channel, issuer):
    assert await call(channel, issuer.token("operator"), "hi", narrow_to="vinh") == "vinh/read/hi"
    vinh = issuer.token("partner", tenant="vinh")
    assert await call(channel, vinh, "hi", narrow_to="vinh") == "vinh/own/hi"
    assert (await error_of(channel, vinh, "hi", narrow_to="hoang-mai")).reason == "TENANT_FORBIDDEN"
    assert (await error_of(channel, vinh, "hi", narrow_to="nghe-an")).reason == "TENANT_FORBIDDEN"


async def test_a_stream_runs_as_its_caller_and_ends_with_its_error(channel, issuer):
    rpc = channel.unary_stream(
        "/test.Echo/Count",
        request_serializer=StringValue.SerializeToString,
        response_deserializer=StringValue.FromString,
    )
    seen = [m.value async for m in rpc(StringValue(value="3"), metadata=token_metadata(issuer.token("operator")))]
    assert seen == ["0 nghe-an", "1 nghe-an", "2 nghe-an"]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        [m async for m in rpc(StringValue(value="2"), metadata=token_metadata(issuer.token("operator")))]
    assert error_from_call(caught.value).reason == "SECRET_NOT_FOUND"
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        [m async for m in rpc(StringValue(value="2"), metadata=token_metadata(issuer.token("partner")))]
    assert isinstance(error_from_call(caught.value), Forbidden)


async def test_a_peer_that_is_away_is_unavailable_without_its_address():
    async with grpc.aio.insecure_channel("127.0.0.1:1") as channel:
        error = await error_of(channel, "t", "hi")
    assert isinstance(error, Unavailable)
    assert "127.0.0.1" not in error.message


def test_a_page_token_round_trips_and_a_forged_one_is_refused():
    assert decode_page_token(encode_page_token("Đô Lương", 7), str, int) == ("Đô Lương", 7)
    assert decode_page_token("", str) is None
    for forged in ("x", "é", encode_page_token("a"), encode_page_token(2**70, 1), encode_page_token("a\x00", 1)):
        with pytest.raises(InvalidInput):
            decode_page_token(forged, str, int)
