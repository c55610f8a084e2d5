"""The outside world in one process: stations, a department, sensors, two centres; through the public doors only."""

from ioc_devtools.simulate.world import run_world

__all__ = ["run_world"]
