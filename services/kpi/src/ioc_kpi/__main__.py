"""Starts kpi."""

from pathlib import Path

from ioc_kit.runtime import Service, main
from ioc_kpi.app import build
from ioc_kpi.settings import Settings

# From a source tree the migrations stand beside `src`; the image sets them beside the package.
SERVICE = Service("kpi", "kpi", Path(__file__).resolve().parents[2] / "migrations")

if __name__ == "__main__":
    main(SERVICE, Settings, build)
