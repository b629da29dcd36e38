"""Documents against lines: the same sentences, glued into paragraphs, and in the cues of a subtitle file.

python benchmarks/documents.py MODEL --source test.ko --reference test.en --sentences 600
"""

from __future__ import annotations

import argparse
import os
import re
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from nmt import Translator
from nmt.data.corpora import from_files
from nmt.evaluation.scores import score
from nmt.markup.files import translate_file


def main() -> None:
    """Compare, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--sentences", type=int, default=600)
    given = parser.parse_args()
    pairs = [pair for pair in from_files(given.source, given.reference).pairs() if all(map(str.strip, pair))]
    pairs = pairs[: given.sentences]
    # A sentence of a document ends in a full stop.
    sources = [left if left[-1] in ".!?" else f"{left}." for left, _ in pairs]
    references = [right for _, right in pairs]
    translator = Translator.load(given.model)
    translator.translate(sources[:8])
    begun = time.perf_counter()
    lines = translator.translate(sources)
    by_line = time.perf_counter() - begun

    paragraphs = [" ".join(sources[start : start + 7]) for start in range(0, len(sources), 7)]
    text = "\n\n".join(f"  - {each}" if n % 5 == 4 else each for n, each in enumerate(paragraphs)) + "\n"
    begun = time.perf_counter()
    found = translator.translate_document(text)
    seconds = time.perf_counter() - begun
    same = [each.translation.text for each in found.sentences] == [each.text for each in lines]
    shapes = [[re.match(r"(  - )?", line)[0], not line] for line in text.split("\n")]  # type: ignore[index]
    shapes_after = [[re.match(r"(  - )?", line)[0], not line] for line in found.text.split("\n")]  # type: ignore[index]
    print(f"{len(sources)} sentences, {len(text):,} characters, {len(paragraphs)} paragraphs")
    print(f"lines: {by_line:.1f} s, BLEU {score([each.text for each in lines], references).bleu:.2f}")
    print(f"document: {seconds:.1f} s, {len(found.sentences)} sentences, the same translations: {same}")
    if len(found.sentences) == len(references):
        print(f"BLEU {score([each.translation.text for each in found.sentences], references).bleu:.2f}")
    print(f"lines, indents and blank lines as they were: {shapes == shapes_after}")

    cues = [f"{n}\n00:{n // 60:02}:{n % 60:02},000 --> 00:{n // 60:02}:{n % 60:02},900\n" for n in range(1000)]
    film = "\n".join(f"{cue}{sources[n % len(sources)]}\n" for n, cue in enumerate(cues))
    begun = time.perf_counter()
    written = translate_file(film.encode(), "film.srt", translator.translate).content.decode()
    seconds = time.perf_counter() - begun
    kept = [re.findall(r"^(?:\d+|.*-->.*|)$", each, re.MULTILINE) for each in (film, written)]
    print(f"1,000 cues: {seconds:.1f} s, every other line byte for byte: {kept[0] == kept[1]}")


if __name__ == "__main__":
    main()
