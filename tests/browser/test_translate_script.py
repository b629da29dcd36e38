"""The translator for other pages, as a browser keeps it."""

import json
from pathlib import Path

import pytest
from node import needs_node, run_node

from nmt.export import web_bundle

PAGE = """
const [translate] = process.argv.slice(2);
globalThis.process = undefined;
globalThis.document = { baseURI: "http://here/page/" };
globalThis.ran = [];
const model = new TextEncoder().encode(JSON.stringify({ script: SCRIPT, files: {} }));
globalThis.fetch = async (address) =>
  ({ ok: String(address).endsWith("model.json"), arrayBuffer: async () => model.buffer });
const { Translator } = await import(translate);
const error = await Translator.load(FOLDER).catch((error) => error.message);
console.log(JSON.stringify([ran, error]));
"""


def ran(place: Path, first: str, script: str, folder: str = "") -> list[str]:
    """Return the names of the files that ran, when a page imports the first; the folder has no worker."""
    program = PAGE.replace("SCRIPT", json.dumps(script)).replace("FOLDER", folder)
    found, error = json.loads(run_node(program, (place / first).as_uri()))
    assert error == "litert.wasm is missing"
    return [each.rpartition("/")[2] for each in found]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder that was exported anew, with what a browser kept of the one before."""
    now = f"{web_bundle.module()}\nran.push(import.meta.url);\n"
    (tmp_path / "translate.mjs").write_text(now, encoding="utf-8")
    (tmp_path / "kept.mjs").write_text(now.replace(web_bundle.module_checksum(), "00000000"), encoding="utf-8")
    return tmp_path


@needs_node
def test_a_script_that_a_browser_kept_gives_way_to_that_of_the_folder(place: Path) -> None:
    script = web_bundle.module_checksum()
    assert ran(place, "kept.mjs", script) == ["kept.mjs", f"translate.mjs?{script}"]
    assert ran(place, "translate.mjs", script) == ["translate.mjs"]


@needs_node
def test_a_script_stays_where_the_folder_does_not_tell_another_or_is_another(place: Path) -> None:
    assert ran(place, "kept.mjs", "") == ["kept.mjs"]  # of an earlier version
    assert ran(place, "kept.mjs", "11111111", '"other"') == ["kept.mjs"]
    # Files of two exports on one host: it is asked for once.
    assert ran(place, "translate.mjs", "11111111") == ["translate.mjs", "translate.mjs?11111111"]
