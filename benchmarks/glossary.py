"""A glossary on the built-in corpus: how often is the wanted translation there, and in its place?

python benchmarks/glossary.py MODEL --terms 60

Terms are singular nouns of the corpus. For one half the wanted translation is another noun that MODEL, from `nmt demo`,
knows; for the other it is made of letters or words that stand nowhere in the corpus as such. A translation is in its
place if it is what MODEL writes without the glossary, with the nouns replaced; articles may differ. It is compared
where these nouns are in the translation as the lexicon has them.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from nmt import Translator
from nmt.evaluation.scores import score
from nmt.inference.glossary import Glossary
from nmt.synthetic import demo
from nmt.synthetic.lexicon import NOUNS

UNKNOWN = ("pear", "quabble", "green mop", "zorp", "tin of fish", "old brass lamp", "Silver Bar", "plum")
ARTICLES = re.compile(r"\b(?:an?|the) ", re.IGNORECASE)


def plain(text: str) -> str:
    """Return a text without articles and capitals."""
    return ARTICLES.sub("", text).lower()


def main() -> None:
    """Translate with and without the glossary, compare, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--terms", type=int, default=60)
    parser.add_argument("--beam", type=int, default=1)
    parser.add_argument("--show", type=int, default=0, help="translations that are printed")
    given = parser.parse_args()
    rng = random.Random(3)
    nouns = [noun for noun in NOUNS.values() if noun.article in ("a", "an") and " " not in noun.english]
    terms = rng.sample(nouns, given.terms)
    half = len(terms) // 2
    known = {term.korean: terms[(n + 1) % half].english for n, term in enumerate(terms[:half])}
    unknown = {term.korean: UNKNOWN[n % len(UNKNOWN)] for n, term in enumerate(terms[half:])}
    pairs = [pair for split in ("dev", "test", "combinations") for pair in demo.pairs(split)]
    translator = Translator.load(given.model)
    search = {"beam": given.beam} if given.beam > 1 else {}
    free = [each.text for each in translator.translate([pair.source for pair in pairs], **search)]
    for name, wanted in (("words that the model knows", known), ("words that it does not know", unknown)):
        glossary = Glossary(wanted)
        begun = time.perf_counter()
        found = [each.text for each in translator.translate([p.source for p in pairs], glossary=glossary, **search)]
        seconds = time.perf_counter() - begun
        occurrences = met = sentences = in_place = compared = shown = 0
        others: list[tuple[str, str, str]] = []
        for pair, before, after in zip(pairs, free, found, strict=True):
            terms_here = [each.term for each in glossary.find(pair.source)]
            if not terms_here:
                others.append((before, after, pair.target))
                continue
            sentences += 1
            occurrences += len(terms_here)
            met += len(terms_here) - len(glossary.missing(pair.source, after))
            expected, changes = before, 0
            for term in terms_here:
                expected, count = re.subn(rf"\b{NOUNS[term.source].english}\b", term.target, expected, count=1)
                changes += count
            if changes < len(terms_here):
                continue
            compared += 1
            good = plain(expected) == plain(after)
            in_place += good
            if not good and shown < given.show:
                shown += 1
                print(f"  {pair.source}\n  {expected}\n  {after}\n")
        print(f"{name}: {occurrences} occurrences in {sentences} sentences, {seconds:.1f} s for {len(pairs)} sentences")
        print(
            f"  satisfied: {met} of {occurrences}, {met / occurrences:.1%}; in place: {in_place} of {compared}, "
            f"{in_place / compared:.1%}"
        )
        without, with_it = (score([row[n] for row in others], [row[2] for row in others]).bleu for n in (0, 1))
        print(
            f"  {len(others)} sentences without terms: BLEU {without:.2f} without the glossary, {with_it:.2f} with it"
        )


if __name__ == "__main__":
    main()
