"""The process as it is run: it starts by its environment, and ends in time with streams open."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from ioc.alerts.v1 import alert_pb2
from ioc.alerts.v1 import events_pb2 as alerts
from ioc_kit.bus import Bus, StreamSpec, new_event
from ioc_kit.embedded.addresses import free_port


@pytest.fixture
def issuer_url(issuer: Any) -> Iterator[str]:
    """The test's issuer over HTTP: the process under test fetches its keys."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = f"http://127.0.0.1:{self.server.server_address[1]}"
            document = {"issuer": url, "jwks_uri": f"{url}/certs"}
            keys = {"keys": [issuer.key.as_dict(private=False)]}
            body = json.dumps(keys if self.path == "/certs" else document).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Keeps quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
async def process(nats_server: Any, peers: Any, issuer_url: str, eventually: Any) -> AsyncIterator[Any]:
    """`python -m ioc_gateway`, ready; its address in `url`, what it wrote in `errors()` once it has ended."""
    url = f"http://127.0.0.1:{free_port()}"
    environment = {
        **os.environ,
        "IOC_HTTP_LISTEN": url.removeprefix("http://"),
        "IOC_PUBLIC_URL": url,
        "IOC_OIDC_ISSUER": issuer_url,
        "IOC_NATS_URL": nats_server.url,
        "IOC_DRAIN_SECONDS": "3",
        "IOC_HEARTBEAT_SECONDS": "0.2",
        **{f"IOC_{name}_ADDRESS": peers.address for name in ("REGISTRY", "INGEST", "KPI", "ALERTS", "SOC")},
    }
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ioc_gateway", env=environment, stderr=asyncio.subprocess.PIPE
    )

    async def is_ready() -> bool:
        assert running.returncode is None, (await running.stderr.read()).decode()
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            try:
                return (await client.get("/readyz")).status_code == 200
            except httpx.TransportError:
                return False

    try:
        await eventually(is_ready, 20)
        yield running, url
    finally:
        if running.returncode is None:
            running.kill()
        await running.communicate()


async def test_sigterm_ends_open_streams_and_then_the_process(
    process: Any, issuer: Any, issuer_url: str, bus: Bus, eventually: Any
) -> None:
    running, url = process
    await bus.declare([StreamSpec("ALERTS", ("ioc.*.alerts.v1.>",))])
    headers = {"Authorization": f"Bearer {issuer.token('operator', iss=issuer_url)}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=20, trust_env=False) as client:
        begun = asyncio.Event()

        async def follow() -> str:
            async with client.stream("GET", "/api/v1/events") as answer:
                text = ""
                async for piece in answer.aiter_text():
                    text += piece
                    if "position" in text:
                        begun.set()
                return text

        streams = [asyncio.ensure_future(follow()) for _ in range(5)]
        await begun.wait()
        # One more that never reads, with so much to send that its connection is full.
        host, _, port = url.removeprefix("http://").partition(":")
        _, stuck = await asyncio.open_connection(host, int(port), limit=1)
        request = ["GET /api/v1/events HTTP/1.1", "Host: t", f"Authorization: {headers['Authorization']}", "", ""]
        stuck.write("\r\n".join(request).encode())
        await stuck.drain()
        stuck.transport.pause_reading()
        message = alerts.AlertRaised(alert=alert_pb2.Alert(alert_id="a", acknowledge_note="x" * 50_000))
        for _ in range(400):
            at = datetime.now(UTC)
            await bus.publish(new_event(message, tenant="vinh", source="alerts", noun="alert", verb="raised", at=at))
        begun_at = asyncio.get_running_loop().time()
        running.send_signal(signal.SIGTERM)
        async with asyncio.timeout(15):
            texts = await asyncio.gather(*streams)
            _, errors = await running.communicate()
        stuck.transport.abort()
    assert all("event: position" in text for text in texts)
    assert running.returncode == 0, errors.decode()
    assert b'"event": "stopped"' in errors
    assert b"Traceback" not in errors
    assert asyncio.get_running_loop().time() - begun_at < 10


async def test_a_missing_setting_is_one_sentence() -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("IOC_")}
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ioc_gateway", env=environment, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await running.communicate()
    assert running.returncode == 1
    assert b"IOC_OIDC_ISSUER: Field required" in errors
    assert b"Traceback" not in errors
