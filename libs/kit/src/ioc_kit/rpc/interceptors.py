"""What stands between the wire and a servicer. Each interceptor wraps the four kinds of method in the same way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any

import grpc
import structlog
from grpc_status import rpc_status

from ioc_kit.errors import Forbidden, IocError, TenantForbidden
from ioc_kit.rpc.status import to_status
from ioc_kit.tenancy import Caller

log = structlog.get_logger()
Handler = Any  # grpc.RpcMethodHandler: the stubs know only its synchronous form
Context = Any  # grpc.aio.ServicerContext, of any request and response


class MethodRefused(Forbidden):
    """The caller's roles do not allow the method, or no policy lists it."""

    reason = "METHOD_REFUSED"

    def __init__(self, method: str) -> None:
        super().__init__(f"your roles do not allow {method}", method=method)


class _Interceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # generic in the stubs only
    """Runs `around` before and after the behaviour of any kind of method."""

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Handler]], details: grpc.HandlerCallDetails
    ) -> Handler:
        handler = await continuation(details)
        if handler is None or self.is_exempt(details.method):
            return handler
        return _wrap(handler, lambda context: self.around(details, context))

    def is_exempt(self, method: str) -> bool:
        """True for methods that this interceptor leaves alone."""
        return False

    def around(self, details: grpc.HandlerCallDetails, context: Context) -> _Around:
        raise NotImplementedError


class _Around:
    """What an interceptor does around one call."""

    async def before(self) -> None:
        """Runs first; raising ends the call."""

    async def failed(self, error: BaseException) -> None:
        """Turns a failure into the call's end; raises."""
        raise error

    def enter(self) -> None:
        """Runs last before the behaviour, in its context."""


class ErrorInterceptor(_Interceptor):
    """Whatever is raised below becomes a status: an IocError as it says, the rest INTERNAL, its facts logged."""

    def __init__(self, domain: str) -> None:
        self._domain = domain

    def around(self, details: grpc.HandlerCallDetails, context: Context) -> _Around:
        return _AroundErrors(details.method, context, self._domain)


class _AroundErrors(_Around):
    def __init__(self, method: str, context: Context, domain: str) -> None:
        self._method = method
        self._context = context
        self._domain = domain

    async def failed(self, error: BaseException) -> None:
        if isinstance(error, IocError):
            known = error
        elif isinstance(error, Exception) and not isinstance(error, grpc.aio.AbortError):
            log.error("unexpected error in a call", method=self._method, exc_info=error)
            known = IocError("something went wrong inside; the trace id tells which")
        else:
            raise error
        status = rpc_status.to_status(to_status(known, self._domain))
        self._context.set_trailing_metadata(status.trailing_metadata)
        await self._context.abort(status.code, status.details, status.trailing_metadata)


class CallerInterceptor(_Interceptor):
    """Verifies the token, narrows to the tenant named in `ioc-tenant`, and holds the method against the policy."""

    def __init__(
        self,
        verify: Callable[[str], Awaitable[Caller]],
        policy: Mapping[str, frozenset[str]],
        variable: ContextVar[Caller],
        open_prefixes: tuple[str, ...],
    ) -> None:
        self._verify = verify
        self._policy = policy
        self.variable = variable
        self._open_prefixes = open_prefixes

    def is_exempt(self, method: str) -> bool:
        return method.startswith(self._open_prefixes)

    def around(self, details: grpc.HandlerCallDetails, context: Context) -> _Around:
        return _AroundCaller(self, details)

    async def caller_of(self, details: grpc.HandlerCallDetails) -> Caller:
        """The verified caller, who may call this method. Raises Unauthenticated, MethodRefused or TenantForbidden."""
        metadata = {key: value for key, value in details.invocation_metadata or () if isinstance(value, str)}
        kind, _, token = metadata.get("authorization", "").partition(" ")
        caller = await self._verify(token.strip() if kind.lower() == "bearer" else "")
        if caller.roles.isdisjoint(self._policy.get(details.method, frozenset())):
            raise MethodRefused(details.method)
        tenant = metadata.get("ioc-tenant")
        if tenant is None or (tenant == caller.tenant and caller.scope.value == "own"):
            return caller
        if not tenant:
            raise TenantForbidden(tenant)
        return caller.narrowed_to(tenant)


class _AroundCaller(_Around):
    def __init__(self, interceptor: CallerInterceptor, details: grpc.HandlerCallDetails) -> None:
        self._interceptor = interceptor
        self._details = details
        self._caller: Caller | None = None

    async def before(self) -> None:
        self._caller = await self._interceptor.caller_of(self._details)

    def enter(self) -> None:
        assert self._caller is not None  # noqa: S101  # `before` ran
        # Each call runs in a task, and so in a context, of its own: nothing to put back afterwards.
        self._interceptor.variable.set(self._caller)
        structlog.contextvars.bind_contextvars(tenant=self._caller.tenant, caller=self._caller.name)


def _wrap(handler: Handler, make: Callable[[Context], _Around]) -> Handler:
    behaviour = handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream

    async def answer(request: Any, context: Context) -> Any:
        around = make(context)
        try:
            await around.before()
            around.enter()
            return await behaviour(request, context)
        except BaseException as error:  # noqa: BLE001  # `failed` raises again what is not its own
            await around.failed(error)

    async def stream(request: Any, context: Context) -> AsyncIterator[Any]:
        around = make(context)
        try:
            await around.before()
            around.enter()
            async for message in behaviour(request, context):
                yield message
        except BaseException as error:  # noqa: BLE001
            await around.failed(error)

    build, behave = {
        (False, False): (grpc.unary_unary_rpc_method_handler, answer),
        (False, True): (grpc.unary_stream_rpc_method_handler, stream),
        (True, False): (grpc.stream_unary_rpc_method_handler, answer),
        (True, True): (grpc.stream_stream_rpc_method_handler, stream),
    }[bool(handler.request_streaming), bool(handler.response_streaming)]
    return build(behave, handler.request_deserializer, handler.response_serializer)
