"""A Chromium, which tests of pages share the way to open."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

_PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def open_chromium() -> Iterator[Any]:
    """Open a browser, and close it when the block ends; skip the test where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs a browser: pip install -e '.[browser]'")
    with playwright.sync_playwright() as started:
        try:
            browser = started.chromium.launch(executable_path=_PROGRAM)
        except playwright.Error:
            pytest.skip("needs a browser: pip install -e '.[browser]', then a Chromium: playwright install chromium")
        yield browser
        browser.close()
