"""A glossary on the built-in corpus: how often is the wanted translation there, and in its place?

python benchmarks/glossary.py MODEL --terms 60
python benchmarks/glossary.py MODEL --terms 60 --by likeliest      # as a server with an export
python benchmarks/glossary.py MODEL --terms 60 --reverse           # a model that translates English to Korean

Terms are singular nouns of the corpus. For one half the wanted translation is another noun that MODEL, from `nmt demo`,
knows; for the other it is made of letters or words that stand nowhere in the corpus as such. A translation is in its
place if it is what MODEL writes without the glossary, with the nouns replaced; articles may differ. It is compared
where these nouns are in the translation as the lexicon has them. Into Korean a noun keeps its particle, in the shape
that the other noun asks for.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import random
import re
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from nmt import Translator
from nmt.evaluation.scores import score
from nmt.inference.glossary import FoundTerm, Glossary
from nmt.inference.terms import apply_glossary
from nmt.synthetic import demo
from nmt.synthetic.korean import AFTER_CONSONANT, attach
from nmt.synthetic.lexicon import NOUNS
from nmt.translation import Translation

UNKNOWN = ("pear", "quabble", "green mop", "zorp", "tin of fish", "old brass lamp", "Silver Bar", "plum")
UNKNOWN_KOREAN = ("기타", "드론", "텐트", "로켓", "피클", "물감", "은반지", "호루라기")
SHAPES = {shape: particle for particle, shape in AFTER_CONSONANT.items()}
ARTICLES = re.compile(r"\b(?:an?|the) ", re.IGNORECASE)


def plain(text: str) -> str:
    """Return a text without articles and capitals."""
    return ARTICLES.sub("", text).lower()


def with_term(text: str, found: FoundTerm, reverse: bool) -> str | None:
    """Return a translation without a glossary with one noun replaced, or nothing if it does not have the noun."""
    term = found.term
    if not reverse:
        changed, count = re.subn(rf"\b{NOUNS[term.source].english}\b", term.target, text, count=1)
        return changed if count else None
    korean = next(noun.korean for noun in NOUNS.values() if noun.english == term.source and noun.article in ("a", "an"))
    words = text.split()
    for place, word in enumerate(words):
        ending = word.removeprefix(korean)
        if word.startswith(korean) and (ending in SHAPES or ending in (*AFTER_CONSONANT, "", "도", "에", "에서", "의")):
            particle = SHAPES.get(ending, ending)
            words[place] = attach(term.target, particle) if particle else term.target
            return " ".join(words)
    return None


def main() -> None:
    """Translate with and without the glossary, compare, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--terms", type=int, default=60)
    parser.add_argument("--beam", type=int, default=1)
    parser.add_argument("--reverse", action="store_true", help="the model translates English to Korean")
    parser.add_argument(
        "--by",
        choices=("model", "search", "frequent", "likeliest"),
        default="model",
        help="how a glossary is applied: as the model does, by constrained search though it knows annotations, or by "
        "replacing linked words, as with an export for a device (frequent) or on a server (likeliest)",
    )
    parser.add_argument("--splits", nargs="+", default=["dev", "test", "combinations"], help="choose by dev alone")
    parser.add_argument("--show", type=int, default=0, help="translations that are printed")
    given = parser.parse_args()
    rng = random.Random(3)
    nouns = [noun for noun in NOUNS.values() if noun.article in ("a", "an") and " " not in noun.english]
    terms = rng.sample(nouns, given.terms)
    half = len(terms) // 2
    names = [(term.english, term.korean) if given.reverse else (term.korean, term.english) for term in terms]
    new = UNKNOWN_KOREAN if given.reverse else UNKNOWN
    known = {term: names[(n + 1) % half][1] for n, (term, _) in enumerate(names[:half])}
    unknown = {term: new[n % len(new)] for n, (term, _) in enumerate(names[half:])}
    pairs = [pair for split in given.splits for pair in demo.pairs(split)]
    if given.reverse:
        pairs = [pair._replace(source=pair.target, target=pair.source) for pair in pairs]
    translator = Translator.load(given.model)
    if given.by == "search":
        config = dataclasses.replace(
            translator.config, data=dataclasses.replace(translator.config.data, term_annotations=0.0)
        )
        translator = Translator(translator.model, translator.tokenizers, config, heads=translator.heads)
    search = {"beam": given.beam} if given.beam > 1 else {}
    sources = [pair.source for pair in pairs]
    plain_translations = translator.translate(sources, **search)
    free = [each.text for each in plain_translations]

    def applied(glossary: Glossary) -> list[Translation]:
        if given.by == "frequent":
            return apply_glossary(sources, plain_translations, glossary, translator.tokenizers.target.frequent())
        if given.by == "likeliest":
            return apply_glossary(
                sources, plain_translations, glossary, score=lambda x, y: [z.score for z in translator.score(x, y)]
            )
        return translator.translate(sources, glossary=glossary, **search)

    for name, wanted in (("words that the model knows", known), ("words that it does not know", unknown)):
        glossary = Glossary(wanted)
        begun = time.perf_counter()
        found = [each.text for each in applied(glossary)]
        seconds = time.perf_counter() - begun
        occurrences = met = sentences = in_place = exact = compared = shown = 0
        others: list[tuple[str, str, str]] = []
        for pair, before, after in zip(pairs, free, found, strict=True):
            terms_here = glossary.find(pair.source)
            if not terms_here:
                others.append((before, after, pair.target))
                continue
            sentences += 1
            occurrences += len(terms_here)
            met += len(terms_here) - len(glossary.missing(pair.source, after))
            expected: str | None = before
            for each in terms_here:
                expected = expected and with_term(expected, each, given.reverse)
            if not expected:
                continue
            compared += 1
            good = plain(expected) == plain(after)
            exact += expected == after
            in_place += good
            if not good and shown < given.show:
                shown += 1
                print(f"  {pair.source}\n  {expected}\n  {after}\n")
        print(f"{name}: {occurrences} occurrences in {sentences} sentences, {seconds:.1f} s for {len(pairs)} sentences")
        print(
            f"  satisfied: {met} of {occurrences}, {met / occurrences:.1%}; in place: {in_place} of {compared}, "
            f"{in_place / compared:.1%}, with the same articles {exact}"
        )
        without, with_it = (score([row[n] for row in others], [row[2] for row in others]).bleu for n in (0, 1))
        print(
            f"  {len(others)} sentences without terms: BLEU {without:.2f} without the glossary, {with_it:.2f} with it"
        )


if __name__ == "__main__":
    main()
