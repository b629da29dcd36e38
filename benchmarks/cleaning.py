"""What `nmt clean` finds of faults that were put into pairs, and what it costs.

    python benchmarks/cleaning.py --source train.es --target train.en    # ten kinds of faults, each in 500 pairs
    python benchmarks/cleaning.py --lines 5000000                        # time and memory, on generated pairs

The pairs are cleaned first, so that what is found afterwards was put in: repeats at the end, other faults in place of
good pairs. Precision is the share of what a rule found that was put in for it, and recall the share of what was put in
that its rule found.
"""

from __future__ import annotations

import argparse
import itertools
import random
import resource
import tempfile
import time
import unicodedata
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from nmt.data.corpora import from_files
from nmt.doctor.clean import Cleaning
from nmt.doctor.rules import DEFAULT

Pair = tuple[str, str]
EACH = 500


def faults(rng: random.Random, pairs: list[Pair]) -> dict[str, Callable[[Pair], Pair]]:
    """Return what each kind of fault does to a pair, by the rule that should find it."""
    return {
        "blank": lambda pair: ("", pair[1]) if rng.random() < 0.5 else (pair[0], " "),
        "copies": lambda pair: (pair[1], pair[1]),
        "duplicates": lambda pair: rng.choice(pairs),
        "near-duplicates": lambda pair: (lambda one: (one[0].upper(), f"{one[1]} !"))(rng.choice(pairs)),
        "ratio": lambda pair: (pair[0], " ".join([pair[1]] * 12)),
        "script": lambda pair: (pair[0], "Это предложение на другом языке"),
        "controls": lambda pair: (pair[0], f"{pair[1]}\u200b\x07"),
        "entities": lambda pair: (f"&quot;{pair[0]}&quot;", pair[1].replace(" ", " &amp; ", 1)),
        "tags": lambda pair: (f"<i>{pair[0]}</i>", f"{pair[1]}<br/>"),
        "nfc": lambda pair: (unicodedata.normalize("NFD", f"{pair[0]} Sí."), pair[1]),
    }


def clean(folder: Path, pairs: list[Pair]) -> tuple[dict[int, str], dict[int, str]]:
    """Clean pairs, and return the rule of each line that was left out, and the rules of each that was mended."""
    files = folder / "dirty.source", folder / "dirty.target"
    out = folder / f"out{len(list(folder.iterdir()))}"
    out.mkdir()
    for side, file in enumerate(files):
        file.write_text("".join(f"{pair[side]}\n" for pair in pairs), encoding="utf-8", newline="\n")
    Cleaning(from_files(*files), [], DEFAULT - {"score"}).write(out, [file.name for file in files])

    def read(name: str) -> dict[int, str]:
        rows = (out / name).read_text(encoding="utf-8").split("\n")[1:-1]
        return {int(row.split("\t")[0]): row.split("\t")[1] for row in rows}

    return read("removed.tsv"), read("changed.tsv")


def faulty(source: Path, target: Path) -> None:
    """Put faults into pairs and see which of them are found."""
    rng = random.Random(1)
    with tempfile.TemporaryDirectory() as place:
        pairs = list(from_files(source, target).pairs())
        removed, changed = clean(Path(place), pairs)
        good = [pair for line, pair in enumerate(pairs, 1) if line not in removed and line not in changed]
        print(f"{len(pairs):,} pairs, of which {len(good):,} have nothing to be found: {Counter(removed.values())}")
        dirty, put = list(good), {}
        # A fault must be one: letters to be judged by, and sides long enough for their ratio.
        fit = iter(rng.sample([line for line, pair in enumerate(good) if min(map(len, pair)) > 20], 10 * EACH))
        for rule, spoil in faults(rng, good).items():
            for line in itertools.islice(fit, EACH):
                if rule.endswith("duplicates"):
                    dirty.append(spoil(good[line]))
                    put[len(dirty)] = rule
                else:
                    dirty[line] = spoil(good[line])
                    put[line + 1] = rule
        removed, changed = clean(Path(place), dirty)
        found = {line: {rule, *changed.get(line, "").split()} for line, rule in removed.items()}
        found |= {line: set(rules.split()) for line, rules in changed.items() if line not in found}
        print("rule | put in | found | precision | recall")
        for rule in faults(rng, good):
            wanted = {line for line, each in put.items() if each == rule}
            named = {line for line, rules in found.items() if rule in rules}
            caught = len(wanted & named)
            share = caught / max(len(named), 1), caught / len(wanted)
            print(f"{rule} | {len(wanted)} | {len(named)} | {share[0]:.3f} | {share[1]:.3f}")
        print("good pairs left out or changed:", len([line for line in found if line not in put]))


def large(lines: int) -> None:
    """Clean generated pairs, and print the time and the memory."""
    rng = random.Random(1)
    words = [f"w{n}" for n in range(2000)]
    with tempfile.TemporaryDirectory() as place:
        files = Path(place) / "big.source", Path(place) / "big.target"
        with files[0].open("w") as one, files[1].open("w") as other:
            for number in range(lines):
                drawn = rng.random()
                text = " ".join(rng.choices(words, k=9))
                one.write(f"{'' if drawn < 0.01 else text} {number}\n" if drawn >= 0.01 else "\n")
                other.write(f"&quot;{text[::-1]}&quot; {number}\n" if drawn > 0.95 else f"{text[::-1]} {number}\n")
        begun = time.process_time()
        out = Path(place) / "out"
        out.mkdir()
        done = Cleaning(from_files(*files), [], DEFAULT - {"score"}).write(out, [file.name for file in files])
        seconds = time.process_time() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{lines:,} pairs, {done.kept:,} kept: {seconds:.0f} s of processor time, {peak:.0f} MiB at most")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path)
    parser.add_argument("--target", type=Path)
    parser.add_argument("--lines", type=int)
    given = parser.parse_args()
    if given.lines:
        large(given.lines)
    if given.source and given.target:
        faulty(given.source, given.target)
