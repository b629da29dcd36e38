"""A page of `nmt export --web` in Chromium: equal texts, the time to start and of a sentence, memory, accessibility.

    pip install -e '.[browser]' && nmt export MODEL --web --to FOLDER && nmt export MODEL --web --single --to FILE.html
    npm pack axe-core@4.10.3 && tar xzf axe-core-4.10.3.tgz
    python benchmarks/browser.py MODEL FOLDER FILE.html --source test.ko --axe package/axe.min.js

Texts and alignments are compared with those of the same TFLite model in ai-edge-litert's interpreter on this machine.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import json
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from nmt.data.corpora import read_lines
from nmt.export.web_check import spelt
from nmt.export.web_model import Runner, WebSignature
from nmt.inference.translator import Translator

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
OPENED = 5
RUNS = 2000
# Pieces of a short sentence.
SHORT = 15
ALL = """async (texts) => {
  const { Translator } = await import("/export/translate.mjs");
  globalThis.translator = await Translator.load();
  const found = [];
  for (const text of texts) {
    const start = performance.now();
    const { parts } = await translator.translate(text);
    const took = performance.now() - start;
    const [one] = parts[0]?.translations ?? [];
    const alignment = one?.alignment?.map((row) => [...row]) ?? [];
    found.push({ text: one?.text ?? "", took, parts: parts.length, alignment });
  }
  return found;
}"""
MORE = """async ([texts, count]) => {
  for (let i = 0; i < count; i++) await translator.translate(texts[i % texts.length]);
}"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="the model's folder")
    parser.add_argument("folder", type=Path, help="what `nmt export --web` wrote")
    parser.add_argument("single", type=Path, help="what `nmt export --web --single` wrote")
    parser.add_argument("--source", type=Path, required=True, help="sentences, one per line")
    parser.add_argument("--lines", type=int, default=500)
    parser.add_argument("--axe", type=Path, help="axe.min.js of axe-core")
    arguments = parser.parse_args()
    print("python", *sys.argv)
    texts = list(read_lines(arguments.source))[: arguments.lines]
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM)
        print(f"Chromium {browser.version}; {arguments.single.stat().st_size / 1e6:.2f} MB in one file")
        first_translation(browser, arguments.single, texts[0])
        if arguments.axe:
            accessibility(browser, arguments.single, texts[:3], arguments.axe)
        with Served(arguments.folder) as address:
            page = browser.new_page()
            page.goto(f"{address}/blank.html")
            found = page.evaluate(ALL, texts)
            compare(arguments, texts, found)
            memory(page, texts)
        browser.close()


class Served:
    """The folder of an export on a server of this machine, beside an empty page."""

    def __init__(self, folder: Path) -> None:
        self._place = tempfile.TemporaryDirectory()
        root = Path(self._place.name)
        (root / "blank.html").write_text("<!DOCTYPE html><title>blank</title>", encoding="utf-8")
        (root / "export").symlink_to(folder.resolve())

        class Quiet(http.server.SimpleHTTPRequestHandler):
            def log_message(self, *said: Any) -> None: ...

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(root)))

    def __enter__(self) -> str:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._place.cleanup()


def first_translation(browser: Browser, single: Path, text: str) -> None:
    """Print the seconds from opening the file to the first translation, the pause after typing included."""
    times = []
    for _ in range(OPENED):
        context = browser.new_context()
        page = context.new_page()
        start = time.perf_counter()
        page.goto(single.resolve().as_uri())
        page.locator("#text").fill(text)
        page.locator("#alignment:visible, #unaligned:visible").first.wait_for(timeout=60_000)
        times.append(time.perf_counter() - start)
        context.close()
    print(f"opened to first translation: median {statistics.median(times):.2f} s, longest {max(times):.2f} s")


def accessibility(browser: Browser, single: Path, texts: list[str], axe: Path) -> None:
    """Print what axe-core finds in the page, light and dark, with several lines translated and all opened."""
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme, bypass_csp=True)
        page = context.new_page()
        page.goto(single.resolve().as_uri())
        page.locator("#text").fill("\n".join(texts))
        page.locator("#alignment:visible, #unaligned:visible").first.wait_for(timeout=60_000)
        for summary in page.locator("summary").all():
            summary.click()
        page.add_script_tag(content=axe.read_text(encoding="utf-8"))
        found = page.evaluate("async () => (await axe.run()).violations.map((v) => [v.id, v.nodes.map((n) => n.html)])")
        print(f"axe-core, {scheme}: {len(found)} violations {json.dumps(found, ensure_ascii=False) if found else ''}")
        context.close()


def compare(arguments: argparse.Namespace, texts: list[str], found: list[dict[str, Any]]) -> None:
    """Print how many texts are equal to the interpreter's, and the times of short sentences."""
    translator = Translator.load(arguments.model)
    contents = json.loads((arguments.folder / "model.json").read_text(encoding="utf-8"))
    signatures = [WebSignature(**each) for each in contents["signatures"]]
    runner = Runner((arguments.folder / contents["model"]).read_bytes(), signatures)
    equal, worst, compared, short = 0, 0.0, 0, []
    for text, one in zip(texts, found, strict=True):
        ids = translator.tokenizers.source.ids(text)
        if not ids or one["parts"] != 1:
            continue
        compared += 1
        outputs = runner.search(ids)
        same = spelt(translator.tokenizers, outputs) == one["text"]
        equal += same
        if same and one["alignment"]:
            expected = outputs["alignment"][0, : outputs["lengths"][0], : len(ids) + 1]
            worst = max(worst, float(np.abs(expected - np.array(one["alignment"])).max()))
        if len(ids) <= SHORT:
            short.append(one["took"])
    print(f"equal to the interpreter of this machine: {equal} of {compared}; alignments differ by {worst:.1e} at most")
    if short:
        print(f"up to {SHORT} pieces: median {statistics.median(short):.1f} ms of {len(short)} sentences")
    took = [one["took"] for one in found]
    print(f"all: median {statistics.median(took):.1f} ms, 95th {sorted(took)[int(0.95 * len(took))]:.1f} ms")


def memory(page: Page, texts: list[str]) -> None:
    """Print the resident memory of the browser's processes after garbage was collected: whether it goes on growing."""

    def resident() -> float:
        page.context.new_cdp_session(page).send("HeapProfiler.collectGarbage")
        chrome = [each for each in psutil.Process().children(recursive=True) if "chrom" in each.name()]
        return sum(each.memory_info().rss for each in chrome) / 1e6

    page.evaluate(MORE, [texts[:50], 100])
    found = [f"{resident():.0f} MB after {len(texts) + 100:,}"]
    for runs in (RUNS, 2 * RUNS, 3 * RUNS):
        page.evaluate(MORE, [texts[:50], RUNS if runs > RUNS else RUNS - 100])
        found.append(f"{resident():.0f} after {len(texts) + runs:,}")
    print(f"memory of all of Chromium: {', '.join(found)} translations")


if __name__ == "__main__":
    main()
