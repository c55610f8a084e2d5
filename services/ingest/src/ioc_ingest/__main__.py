"""Starts ingest."""

from pathlib import Path

from ioc_ingest.app import build
from ioc_ingest.settings import Settings
from ioc_kit.runtime import Service, main

# From a source tree the migrations stand beside `src`; the image sets them beside the package.
SERVICE = Service("ingest", "ingest", Path(__file__).resolve().parents[2] / "migrations")

if __name__ == "__main__":
    main(SERVICE, Settings, build)
