"""The embedded PostgreSQL: passwords mean something, data stay, errors say what to do."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import threading
import time
from pathlib import Path

import asyncpg
import pytest

from ioc_kit.embedded import EmbeddedError, EmbeddedPostgres, Profile
from ioc_kit.embedded.errors import DiskFull, FolderInUse, PortInUse, WrongVersion, explain


async def ask(url: str, question: str) -> object:
    connection = await asyncpg.connect(url, timeout=5)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def test_the_server_is_postgresql_18_with_builtin_collation_and_utc(postgres: EmbeddedPostgres) -> None:
    url = postgres.url()
    assert str(await ask(url, "SHOW server_version")).startswith("18.")
    provider = "SELECT datlocprovider::text || ' ' || datlocale FROM pg_database WHERE datname = 'template1'"
    assert await ask(url, provider) == "b C.UTF-8"
    assert await ask(url, "SELECT upper('đồng hới')") == "ĐỒNG HỚI"
    assert await ask(url, "SHOW timezone") == "UTC"


async def test_a_wrong_password_is_refused(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await ask(postgres.url(password="not-the-password"), "SELECT 1")


async def test_no_password_is_refused_over_tcp_and_over_the_socket(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path, profile=Profile.TEST, unix_socket=True) as server:
        with pytest.raises(asyncpg.PostgresError, match="password"):
            await ask(server.url(password=""), "SELECT 1")
        for password, is_right in (("wrong", False), (server.superuser_password, True)):
            options = {"host": str(server.socket_dir), "port": server.port, "user": "postgres", "database": "postgres"}
            if is_right:
                connection = await asyncpg.connect(password=password, **options)
                await connection.close()
            else:
                with pytest.raises(asyncpg.InvalidPasswordError):
                    await asyncpg.connect(password=password, **options)
        stored = "SELECT rolpassword FROM pg_authid WHERE rolname = 'postgres'"
        assert str(await ask(server.url(), stored)).startswith("SCRAM-SHA-256$")


def test_the_password_file_is_only_the_owners_to_read(postgres: EmbeddedPostgres) -> None:
    for name in ("superuser-password", "postgres.log"):
        assert stat.S_IMODE((postgres.data_dir / name).stat().st_mode) == 0o600
    assert not list(postgres.data_dir.glob("initdb-*"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes users")
def test_as_root_the_server_runs_as_another_user(postgres: EmbeddedPostgres) -> None:
    assert Path(f"/proc/{postgres.pid}").stat().st_uid != 0


async def test_data_stay_over_a_restart_which_is_quick(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path, profile=Profile.DURABLE)
    with server:
        password = server.superuser_password
        await ask(server.url(), "CREATE TABLE kept AS SELECT 42 AS answer")
    assert server.pid is None
    began = time.monotonic()
    with server:
        assert time.monotonic() - began < 3.0, "an initialised server starts in well under a second on a quiet machine"
        assert server.superuser_password == password
        assert await ask(server.url(), "SELECT answer FROM kept") == 42
        assert await ask(server.url(), "SHOW fsync") == "on"


async def test_it_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path, profile=Profile.TEST)
    thread = threading.Thread(target=server.start)
    thread.start()
    thread.join()
    try:
        assert await ask(server.url(), "SELECT 1") == 1
    finally:
        server.stop()


def test_a_port_in_use_is_told_in_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortInUse, match=rf"127\.0\.0\.1:{port} because another program does: stop that program"):
            EmbeddedPostgres(tmp_path, port=port, profile=Profile.TEST).start()


def test_the_servers_own_word_for_a_port_in_use_is_understood(tmp_path: Path) -> None:
    said = 'LOG:  could not bind IPv4 address "127.0.0.1": Address already in use\nFATAL:  could not create any TCP/IP'
    error = explain("PostgreSQL", said, port=5432, folder=tmp_path, log=tmp_path / "log")
    assert isinstance(error, PortInUse)


def test_a_second_server_on_the_same_data_is_refused(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(FolderInUse, match="stop it, or choose another folder"):
        EmbeddedPostgres(postgres.data_dir, profile=Profile.TEST).start()


def test_data_of_another_version_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "cluster").mkdir()
    (tmp_path / "cluster" / "PG_VERSION").write_text("16\n")
    with pytest.raises(WrongVersion, match="written by PostgreSQL 16 and this is PostgreSQL 18"):
        EmbeddedPostgres(tmp_path).start()
    assert (tmp_path / "cluster" / "PG_VERSION").read_text() == "16\n"


def test_foreign_files_in_the_cluster_folder_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "cluster").mkdir()
    (tmp_path / "cluster" / "thesis.txt").write_text("mine")
    with pytest.raises(EmbeddedError, match="choose another folder"):
        EmbeddedPostgres(tmp_path).start()
    assert (tmp_path / "cluster" / "thesis.txt").read_text() == "mine"


def test_a_full_disk_is_told_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 1000))
    with pytest.raises(DiskFull, match="free some space, then start again"):
        EmbeddedPostgres(tmp_path).start()
    assert not (tmp_path / "cluster").exists()


def test_the_servers_own_word_for_a_full_disk_is_understood(tmp_path: Path) -> None:
    said = 'FATAL:  could not write lock file "postmaster.pid": No space left on device'
    assert isinstance(explain("PostgreSQL", said, port=1, folder=tmp_path, log=tmp_path / "log"), DiskFull)


def test_a_wrong_setting_is_told_with_the_servers_last_words(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path, profile=Profile.TEST, settings={"shared_buffers": "a lot"})
    with pytest.raises(EmbeddedError, match=r"shared_buffers.*the whole story is in"):
        server.start()
    assert not server.is_running


def test_an_initdb_that_was_cut_off_is_done_again(tmp_path: Path) -> None:
    (tmp_path / "cluster.new").mkdir()
    (tmp_path / "cluster.new" / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(tmp_path, profile=Profile.TEST) as server:
        assert server.is_running
