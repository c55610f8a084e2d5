"""Starts the SOC bridge."""

from pathlib import Path

from ioc_kit.runtime import Service, main
from ioc_soc_bridge.app import build
from ioc_soc_bridge.settings import Settings

# From a source tree the migrations stand beside `src`; the image sets them beside the package.
SERVICE = Service("soc-bridge", "soc", Path(__file__).resolve().parents[2] / "migrations")

if __name__ == "__main__":
    main(SERVICE, Settings, build)
