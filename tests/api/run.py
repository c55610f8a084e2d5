"""schemathesis on the gateway's OpenAPI as each role: no 500, no undocumented status, no answer of another shape.

    make test-api            a budget of seconds for each role
    SECONDS=300 make test-api

Starts a platform of its own. Ends with status 1 when any role finds a failure.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from ioc_devtools.platform.launched import launched_platform

HERE = Path(__file__).resolve().parent
LOGINS = ("", "quan.tri", "truc.ban", "phan.tich", "so.khdt", "an.ninh", "vinh.quan.tri", "vinh.truc", "vinh-ioc")
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
STREAM = "/api/v1/events"
"""Never ends by itself; the gateway's own tests look at it."""


def main() -> int:
    seconds = os.environ.get("SECONDS", "25")
    failed = []
    with (
        tempfile.TemporaryDirectory(prefix="ioc-api-") as folder,
        launched_platform(
            Path(folder) / "state", {"IOC_RATE_PER_MINUTE": "1000000", "IOC_ANONYMOUS_RATE_PER_MINUTE": "1000000"}
        ) as (state, run, _),
    ):
        for login in LOGINS:
            print(f"-- as {login or 'nobody'}", flush=True)
            environment = os.environ | {
                "IOC_STATE": str(state.path),
                "IOC_API_LOGIN": login,
                "SCHEMATHESIS_HOOKS": "hooks",
                "PYTHONPATH": str(HERE),
            }
            command = [
                str(Path(sys.executable).with_name("schemathesis")),
                "run",
                f"{run.public_url}/openapi.json",
                f"--checks={CHECKS}",
                f"--max-time={seconds}",
                "--max-examples=20",
                "--workers=1",
                "--seed=655",
                "--continue-on-failure",
                "--suppress-health-check=all",
                "--warnings=off",
                f"--exclude-path={STREAM}",
                "--no-color",
            ]
            # In a folder of its own: schemathesis keeps a database of examples beside it.
            if subprocess.run(command, env=environment, cwd=folder).returncode != 0:
                failed.append(login or "nobody")
    print(f"schemathesis: {len(LOGINS) - len(failed)} roles passed, {len(failed)} failed {failed}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
