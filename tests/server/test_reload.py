"""Which version of an export is served when versions come and go."""

import queue
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from servers import export

from nmt.server.app import Server
from nmt.server.backends import Backend, ExportBackend, ServedFolder, find
from nmt.server.reload import content_of, newest_version


def test_versions_come_and_go(tmp_path: Path) -> None:
    versions = tmp_path / "upper"
    export(versions / "1")
    place = find(versions)
    server = Server(ExportBackend(place.folder, "mine", 1, trust=True))
    news: list[str] = []
    told = threading.Semaphore(0)

    def report(line: str) -> None:
        news.append(line)
        told.release()

    def opened(place: ServedFolder) -> Backend:
        return ExportBackend(place.folder, place.name, place.version, trust=True)

    def after() -> tuple[str, int]:
        assert told.acquire(timeout=60)
        return news[-1], server.backend.version

    with newest_version(
        versions,
        served=place._replace(name="mine"),
        content=content_of(place),
        open_version=opened,
        switch=server.switch,
        report=report,
        seconds=0.05,
    ):
        shutil.copytree(versions / "1", versions / "x")
        (versions / "x").rename(versions / "10")
        assert after() == ("Version 10 of mine is served now.", 10)
        assert b"version 10<" in server._page.html and server.backend.name == "mine"

        (versions / "11").mkdir()
        (versions / "11" / "saved_model.pb").write_bytes(b"damaged")
        line, version = after()
        assert "11 cannot be opened as a SavedModel" in line and version == 10
        assert line.endswith("Version 10 of mine is served as before.")

        shutil.rmtree(versions / "10")
        shutil.rmtree(versions / "11")
        assert after() == ("Version 1 of mine is served now.", 1)

        shutil.rmtree(versions / "1")
        line, version = after()
        assert "is neither a model's folder" in line and version == 1
    assert len(news) == 4
    server.batcher.close()


def test_a_version_that_is_made_anew_under_its_number_is_served(tmp_path: Path) -> None:
    version = tmp_path / "upper" / "1"

    def make(weights: bytes, checksums: str) -> None:
        version.mkdir(parents=True)
        (version / "saved_model.pb").write_bytes(weights)
        (version / "checksums.json").write_text(checksums, encoding="utf-8")

    make(b"old", "{}")
    place = find(version.parent)
    told: queue.Queue[str] = queue.Queue()
    switched: list[bytes] = []

    def opened(place: ServedFolder) -> Any:
        return (place.folder / "saved_model.pb").read_bytes()

    with newest_version(version.parent, place, content_of(place), opened, switched.append, told.put, seconds=0.01):
        shutil.rmtree(version)
        assert told.get(timeout=20).endswith("Version 1 of upper is served as before.")
        make(b"new", '{"saved_model.pb": []}')
        assert told.get(timeout=20) == "Version 1 of upper is served now."
        # The same content, copied here once more, is no other version.
        (version / "saved_model.pb").touch()
        time.sleep(0.1)
    assert switched == [b"new"] and told.empty()


def test_a_batch_is_answered_by_the_version_that_its_requests_were_sent_to(tmp_path: Path) -> None:
    old, new = (ExportBackend(export(tmp_path / str(i)), "upper", i, trust=True) for i in (1, 2))
    server = Server(old)
    new.answers = lambda signature, rows: pytest.fail("the old version was asked")  # type: ignore[method-assign]
    job = server.batcher.submit((old, "serving_default", None), [("a",)])
    server.switch(new)
    assert job.future.result(60)[0]["translation"].item() == b"A"
    server.batcher.close()
