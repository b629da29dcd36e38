"""Translations of sentences are put together in JavaScript as the package does it."""

import json
from collections.abc import Sequence

import pytest
from node import needs_node, run_node

from nmt import browser
from nmt.documents.document import translate_texts
from nmt.translation import Translation

pytestmark = needs_node

PROGRAM = """
const { joinedParts } = await import(`${process.argv[2]}/joining.mjs`);
const { passages } = await import(`${process.argv[2]}/passages.mjs`);
const [line, known] = JSON.parse(process.argv[3]);
const parts = passages(line, () => true, true).map(({ text }) => (
  { source: text, translations: known[text.trim()] ? [{ text: known[text.trim()] }] : [] }
));
console.log(JSON.stringify(joinedParts(parts)));
"""
JAPANESE = {"I ate.": "食べた。", "He slept.": "彼は寝た。"}
ENGLISH = {"我吃了。": "I ate.", "他睡了。": "He slept."}


@pytest.mark.parametrize(
    ("line", "known", "joined"),
    [
        ("I ate. He slept.", JAPANESE, "食べた。彼は寝た。"),
        ("I ate.  He slept.", JAPANESE, "食べた。  彼は寝た。"),
        ("我吃了。他睡了。", ENGLISH, "I ate. He slept."),
        ("我吃了。 他睡了。", ENGLISH, "I ate. He slept."),
    ],
)
def test_what_stands_between_sentences_is_what_the_package_puts_there(
    line: str, known: dict[str, str], joined: str
) -> None:
    def translate(sentences: Sequence[str]) -> list[Translation]:
        return [Translation(known[sentence], 0.0) for sentence in sentences]

    assert json.loads(run_node(PROGRAM, browser.path(""), json.dumps([line, known]))) == joined
    assert translate_texts([line], translate)[0].text == joined


def test_a_part_without_a_translation_leaves_no_space() -> None:
    known = {"I ate.": "Ate.", "He slept.": "Slept."}
    found = run_node(PROGRAM, browser.path(""), json.dumps(["I ate. Oh! He slept.", known]))
    assert json.loads(found) == "Ate. Slept."
