"""The simulated air: the same for the same seed, within its contract, bad enough once to be warned of."""

from ioc_devtools.catalogue import load
from ioc_devtools.platform.services import ROOT
from ioc_devtools.simulate.air import MINUTES_A_DAY, Air
from ioc_devtools.simulate.stations import ALL, CENTRES, DEVICES, SOURCE, Station

NOW = 29_855_640


def test_a_minute_is_the_same_in_every_run_and_another_for_another_seed() -> None:
    station = DEVICES[0].station
    assert Air(1, NOW).measure(station, NOW) == Air(1, NOW).measure(station, NOW)
    assert Air(1, NOW).measure(station, NOW) != Air(2, NOW).measure(station, NOW)


def test_stations_and_measures_are_those_of_the_contracts_and_values_lie_within(air: Air) -> None:
    contracts = [each for each in load(ROOT / "catalog").contracts if each.source == SOURCE]
    promised = {
        (contract.tenant, thing.area, thing.code): contract.measures
        for contract in contracts
        for thing in contract.things
    }
    stations = {device.station for device in DEVICES} | {each for centre in CENTRES for each in centre.stations}
    assert {(each.tenant, each.area, each.code) for each in stations} == set(promised)
    for station in stations:
        limits = {
            each.code: (each.minimum, each.maximum) for each in promised[station.tenant, station.area, station.code]
        }
        assert set(limits) == set(ALL)
        for minute in range(NOW - 2 * MINUTES_A_DAY, NOW + MINUTES_A_DAY, 37):
            for measure, value in air.measure(station, minute).items():
                low, high = limits[measure]
                assert low <= value <= high, (station.code, minute, measure, value)


def test_devices_are_those_of_the_contracts() -> None:
    contracts = [each for each in load(ROOT / "catalog").contracts if each.source == SOURCE]
    bound = {thing.device for contract in contracts for thing in contract.things if thing.device}
    assert {device.station.code for device in DEVICES} == bound


def test_what_a_station_publishes_and_what_its_centre_pushes_do_not_overlap() -> None:
    published = {(each.station.code, measure) for each in DEVICES for measure in each.measures}
    pushed = {(each.code, measure) for centre in CENTRES for each in centre.stations for measure in centre.measures}
    assert not published & pushed


def _hourly_pm25(air: Air, station: Station, hours_ago: int) -> float:
    start = NOW // 60 * 60 - hours_ago * 60
    return sum(air.measure(station, minute)["pm25_ugm3"] for minute in range(start, start + 60)) / 60


def test_the_episode_passes_the_warning_level_before_the_world_begins_and_ends_after(air: Air) -> None:
    bad = next(device.station for device in DEVICES if device.station.has_episodes)
    # NowCast is never below half of the newest hour plus a quarter of the one before: 110 each take it past 80 µg/m³.
    assert min(_hourly_pm25(air, bad, ago) for ago in (1, 2, 3)) > 110
    assert max(_hourly_pm25(air, bad, ago) for ago in (8, 10, 12)) < 80
    assert _hourly_pm25(air, bad, -4) < 80


def test_elsewhere_nobody_is_warned(air: Air) -> None:
    for device in DEVICES:
        if not device.station.has_episodes:
            assert max(_hourly_pm25(air, device.station, ago) for ago in range(24)) < 80
