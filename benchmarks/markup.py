"""Markup of generated sentences: is every tag and placeholder there, and around the right words?

python benchmarks/markup.py MODEL --sentences 1000

Sentences of the built-in corpus that MODEL, from `nmt demo`, was not trained on get one to three pairs of tags, nested
or side by side, around words that stand together in both languages by the gold links; three in ten get a tag that
stands alone, and names give way to placeholders. Tags are compared with the gold links where the translation is the
reference, because for another one there are none.
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
from nmt.synthetic import demo

NAMES = {
    "철수": "Cheolsu", "지영": "Jiyoung", "현우": "Hyunwoo", "미나": "Mina", "수진": "Sujin", "민수": "Minsu",
    "영희": "Younghee", "준호": "Junho",
}  # fmt: skip
PLACEHOLDERS = (
    "{name}", "%s", "%(n)d", "${user}", "https://example.org/a?b=1&amp;c=2", "a.b@example.org", "42", "1,000",
    "{{ x }}", "<code>x < y</code>",
)  # fmt: skip
TAGS = ("b", "i", "em", "a href='x?y=1'", 'span class="n"', "g id='7'")
ALONE = ("<br>", "<img src='a.png'>", "<x id='1'/>")
_TAG = re.compile(r"<[^<>]*>")


def spans(pair: demo.Pair) -> list[tuple[int, int, int, int]]:
    """Return runs of source words whose links fill a run of target words: first and last of both sides."""
    size = len(pair.source.split())
    found = []
    for first in range(size):
        for last in range(first, size):
            to = {j for i, j in pair.links if first <= i <= last}
            if not to or any(j in to and not first <= i <= last for i, j in pair.links):
                continue
            if len(to) == max(to) - min(to) + 1:
                found.append((first, last, min(to), max(to)))
    return found


def marked(pair: demo.Pair, rng: random.Random) -> tuple[str, str, list[str]] | None:
    """Return a sentence with markup, its reference with tags at the right words, and its placeholders."""
    source, target, kept = pair.source.split(), pair.target.split(), []
    for name in NAMES:
        at = [i for i, word in enumerate(source) if word.startswith(name)]
        to = [j for j, word in enumerate(target) if word.rstrip("?") == NAMES[name]]
        if len(at) == len(to) == 1:
            kept.append(rng.choice([each for each in PLACEHOLDERS if each not in kept]))
            source[at[0]] = source[at[0]].replace(name, kept[-1])
            target[to[0]] = target[to[0]].replace(NAMES[name], kept[-1])
    chosen: list[tuple[int, int, int, int]] = []
    for each in rng.sample(candidates := spans(pair), min(rng.randint(1, 3), len(candidates))):
        if all(
            not (a <= each[0] <= b or each[0] <= a <= each[1])
            or (a <= each[0] and each[1] <= b and (a, b) != each[:2])
            or (each[0] <= a and b <= each[1] and (a, b) != each[:2])
            for a, b, _, _ in chosen
        ):
            chosen.append(each)
    if not chosen:
        return None
    # The innermost first, so that each goes around those inside it.
    for (first, last, to_first, to_last), tag in zip(
        sorted(chosen, key=lambda each: each[1] - each[0]), rng.sample(TAGS, len(chosen)), strict=True
    ):
        for words, begin, end in ((source, first, last), (target, to_first, to_last)):
            words[begin] = f"<{tag}>{words[begin]}"
            mark = "?" if words[end].endswith("?") else ""
            words[end] = f"{words[end].removesuffix('?')}</{tag.split()[0]}>{mark}"
    if rng.random() < 0.3:
        place = rng.randint(0, len(source))
        source.insert(place, rng.choice(ALONE))
    return " ".join(source), " ".join(target), kept


def well_nested(text: str) -> bool:
    """Return whether each tag is closed by the last that is open."""
    waiting: list[str] = []
    for tag in _TAG.findall(re.sub(r"<code>.*?</code>", "", text)):
        if tag.startswith("</"):
            if not waiting or waiting.pop() != tag[2:-1]:
                return False
        elif tag not in ALONE:
            waiting.append(tag[1:-1].split()[0])
    return not waiting


def around(text: str) -> tuple[list[tuple[str, int, int]], str]:
    """Return which words each pair of tags is around, and the text without tags."""
    plain = ""
    found: list[tuple[str, int, int]] = []
    waiting: list[tuple[str, int]] = []
    position = 0
    for match in re.finditer(r"</?[a-z]+(?: [^<>]*)?/?>", text):
        plain += text[position : match.start()]
        position = match.end()
        if match[0] in ALONE:
            continue
        if match[0].startswith("</"):
            tag, start = waiting.pop()
            found.append((tag, len(plain[:start].split()), len(plain.rstrip("? ").split())))
        else:
            waiting.append((match[0], len(plain)))
    return sorted(found), " ".join((plain + text[position:]).split())


def main() -> None:
    """Translate, compare, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--sentences", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=0, help="wrong ones that are printed")
    given = parser.parse_args()
    rng = random.Random(given.seed)
    pairs = [pair for split in ("test", "combinations", "dev") for pair in demo.pairs(split)]
    made = [each for pair in pairs if (each := marked(pair, rng))][: given.sentences]
    translator = Translator.load(given.model)
    begun = time.perf_counter()
    texts = [one.text for one in translator.translate_marked([source for source, _, _ in made])]
    seconds = time.perf_counter() - begun
    lost = broken = wrong_kept = same = pairs_right = pairs_all = kept_all = kept_right = 0
    inside_both = inside_wanted = inside_found = 0
    for (source, reference, kept), text in zip(made, texts, strict=True):
        left, right = (sorted(_TAG.findall(re.sub(r"<code>.*?</code>", "", each))) for each in (source, text))
        lost += left != right
        wrong_kept += any(text.count(each) != source.count(each) for each in kept)
        broken += not well_nested(text)
        tags, plain = around(text)
        wanted, words = around(reference)
        kept_all += len(kept)
        kept_right += len(kept) * (plain == words)
        if plain != words:
            continue
        same += 1
        right_here = sum(each in tags for each in wanted)
        pairs_all, pairs_right = pairs_all + len(wanted), pairs_right + right_here
        for (_, first, last), (_, begin, end) in zip(wanted, tags, strict=True):
            inside_wanted, inside_found = inside_wanted + last - first, inside_found + end - begin
            inside_both += max(min(last, end) - max(first, begin), 0)
        if right_here < len(wanted) and given.show > 0:
            given.show -= 1
            print(source, reference, text, "", sep="\n")
    print(f"{len(made)} sentences in {seconds:.1f} s, {sum(bool(kept) for *_, kept in made)} with a placeholder")
    print(f"tags lost or invented: {lost}; placeholders lost or changed: {wrong_kept}; not well nested: {broken}")
    print(f"translations that are the reference: {same}, with a placeholder {kept_right} of {kept_all}")
    print(
        f"of {inside_wanted} words that should be inside a pair {inside_both / inside_wanted:.1%} are, "
        f"and {inside_both / inside_found:.1%} of those that are should be"
    )
    print(f"pairs of tags around exactly the right words: {pairs_right} of {pairs_all}, {pairs_right / pairs_all:.1%}")


if __name__ == "__main__":
    main()
