"""What ends by time, with a clock that the test moves."""

from datetime import UTC, datetime, timedelta

import pytest

from ioc_devtools.issuer.realm import BruteForce, Lifetimes, RealmUser
from ioc_devtools.issuer.sessions import Session, SessionStore
from ioc_devtools.issuer.throttle import LoginThrottle


class MovedClock:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def move(self, **span: float) -> None:
        self.at += timedelta(**span)


LIFETIMES = Lifetimes(
    access_token=timedelta(seconds=60),
    code=timedelta(seconds=60),
    login_form=timedelta(minutes=30),
    session_idle=timedelta(minutes=30),
    session_max=timedelta(hours=12),
)
RULES = BruteForce(
    enabled=True,
    failures=5,
    wait=timedelta(minutes=1),
    wait_max=timedelta(minutes=2),
    forget_after=timedelta(hours=12),
)
USER = RealmUser("1", "truc.ban", {}, ("operator",), None, None)


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def sessions(clock: MovedClock) -> SessionStore:
    return SessionStore(LIFETIMES, clock)


def add_code(sessions: SessionStore, session: Session) -> None:
    sessions.add_code(
        "the-code",
        client_id="ioc-console",
        redirect_uri=None,
        scope="openid",
        nonce=None,
        code_challenge="c",
        code_challenge_method="S256",
        session=session,
    )


def test_a_code_is_good_for_a_minute(sessions: SessionStore, clock: MovedClock) -> None:
    add_code(sessions, sessions.open_session(USER, by_browser=True))
    clock.move(seconds=60)
    assert sessions.take_code("the-code", "ioc-console") is None


def test_a_code_is_refused_for_another_client_and_is_then_spent(sessions: SessionStore) -> None:
    add_code(sessions, sessions.open_session(USER, by_browser=True))
    assert sessions.take_code("the-code", "ioc-cli") is None
    assert sessions.take_code("the-code", "ioc-console") is None


def test_an_idle_session_ends_and_a_used_one_lives_on_to_its_limit(sessions: SessionStore, clock: MovedClock) -> None:
    idle = sessions.open_session(USER, by_browser=True)
    used = sessions.open_session(USER, by_browser=True)
    for _ in range(47):
        clock.move(minutes=15)
        assert sessions.find_session(used.session_id) is used
    assert sessions.refresh_lifetime(used) == timedelta(minutes=15)
    assert sessions.find_session(idle.session_id) is None
    clock.move(minutes=15)
    assert sessions.find_session(used.session_id) is None


def test_a_refresh_token_ends_with_its_session(sessions: SessionStore, clock: MovedClock) -> None:
    sessions.add_refresh("r", "ioc-console", "openid", sessions.open_session(USER, by_browser=True))
    clock.move(minutes=29)
    assert sessions.find_refresh("r") is not None
    clock.move(minutes=30)
    assert sessions.find_refresh("r") is None


def test_a_log_in_form_expires(sessions: SessionStore, clock: MovedClock) -> None:
    name = sessions.add_pending({}, "browser")
    assert sessions.find_pending(name, "another") is None
    assert sessions.find_pending(name, "browser") is not None
    clock.move(minutes=30)
    assert sessions.find_pending(name, "browser") is None


def test_open_forms_do_not_fill_the_memory(sessions: SessionStore) -> None:
    names = [sessions.add_pending({}, "browser") for _ in range(10_001)]
    assert sessions.find_pending(names[0], "browser") is None
    assert sessions.find_pending(names[1], "browser") is not None


def test_five_wrong_passwords_lock_for_a_minute_and_five_more_for_longer(clock: MovedClock) -> None:
    throttle = LoginThrottle(RULES, clock)
    for round_minutes in (1, 2, 2):
        for _ in range(4):
            throttle.failed("truc.ban")
        assert not throttle.is_locked("truc.ban")
        throttle.failed("truc.ban")
        clock.move(minutes=round_minutes, seconds=-1)
        assert throttle.is_locked("truc.ban")
        clock.move(seconds=1)
        assert not throttle.is_locked("truc.ban")


def test_a_right_password_or_half_a_day_forgets_the_wrong_ones(clock: MovedClock) -> None:
    throttle = LoginThrottle(RULES, clock)
    for _ in range(4):
        throttle.failed("truc.ban")
    throttle.succeeded("truc.ban")
    throttle.failed("truc.ban")
    assert not throttle.is_locked("truc.ban")
    for _ in range(3):
        throttle.failed("truc.ban")
    clock.move(hours=13)
    throttle.failed("truc.ban")
    assert not throttle.is_locked("truc.ban")
