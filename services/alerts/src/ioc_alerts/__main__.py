"""Starts alerts."""

from pathlib import Path

from ioc_alerts.app import build
from ioc_alerts.settings import Settings
from ioc_kit.runtime import Service, main

# From a source tree the migrations stand beside `src`; the image sets them beside the package.
SERVICE = Service("alerts", "alerts", Path(__file__).resolve().parents[2] / "migrations")

if __name__ == "__main__":
    main(SERVICE, Settings, build)
