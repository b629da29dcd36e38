"""How well `nmt serve` tells the languages of sentences apart, and whether it is as sure as it is right.

python benchmarks/detection.py --served en,es,de en=test.en es=test.es de=test2016.de ko=test.ko
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path

from nmt.data.corpora import read_lines
from nmt.server.languages import Direction, Languages

SENTENCES = 1000
SHORT = 20


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", metavar="LANGUAGE=FILE", help="sentences, one per line")
    parser.add_argument("--served", required=True, help="the languages that are served, as en,es,de")
    arguments = parser.parse_args()
    print("python", *sys.argv)
    served = arguments.served.split(",")
    languages = Languages({Direction(code, served[0]): code for code in served[1:]})
    languages.detect("Load what it knows.")
    for given in arguments.files:
        code, _, name = given.partition("=")
        texts = [line for line in read_lines(Path(name)) if line.strip()]
        texts = random.Random(1).sample(texts, min(SENTENCES, len(texts)))
        start = time.process_time()
        found = [languages.detect(text)[0] for text in texts]
        each = 1000 * (time.process_time() - start) / len(texts)
        for what, some in (
            ("all", found),
            (
                f"at most {SHORT} characters",
                [one for one, text in zip(found, texts, strict=True) if len(text) <= SHORT],
            ),
        ):
            if some:
                right = 100 * sum(one.language == code for one in some) / len(some)
                sure = sum(one.confidence for one in some) / len(some)
                told = f"{right:.1f} % right" if code in served else "not served"
                print(
                    f"{code}, {what}: {len(some)} sentences, {told}, {sure:.1f} % sure in the mean, {each:.2f} ms each"
                )


if __name__ == "__main__":
    main()
