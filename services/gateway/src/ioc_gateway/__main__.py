"""Starts the gateway."""

import asyncio
import sys

from pydantic import ValidationError

from ioc_gateway.server import serve
from ioc_gateway.settings import Settings
from ioc_kit.telemetry import configure_logging

if __name__ == "__main__":
    try:
        settings = Settings()  # type: ignore[call-arg]  # the environment gives the fields
    except ValidationError as error:
        problems = "; ".join(f"IOC_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        sys.exit(f"gateway cannot start: {problems}")
    configure_logging(settings.log_level, "gateway")
    asyncio.run(serve(settings))
