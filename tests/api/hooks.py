"""What schemathesis calls: a fresh access token of the role under test, because tokens live for a minute only."""

import asyncio
import os
from pathlib import Path

import schemathesis

from ioc_devtools.platform.state import StateFolder
from ioc_devtools.platform.tokens import Tokens

STATE, LOGIN = Path(os.environ["IOC_STATE"]), os.environ["IOC_API_LOGIN"]


@schemathesis.serializer("application/x-ndjson", "application/vnd.sdmx.data+csv")
def text_as_it_is(context, value):
    """Bodies that are lines of text go out as they were made."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


@schemathesis.auth(refresh_interval=30)
class RoleToken:
    """Sends the bearer token of IOC_API_LOGIN; an empty login sends none."""

    def get(self, case, context):
        if not LOGIN:
            return ""
        state = StateFolder(STATE)
        return asyncio.run(Tokens(state.run().issuer, state).of(LOGIN))

    def set(self, case, data, context):
        if data:
            case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}
