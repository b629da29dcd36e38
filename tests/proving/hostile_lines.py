"""Lines that people's files hold and no author of a program thinks of, each drawn from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

WORDS = [
    "나는",
    "너는",
    "우리는",
    "그들은",
    "밥을",
    "빵을",
    "사과를",
    "고기를",
    "먹었다",
    "샀다",
    "보았다",
    "I",
    "ate",
    "rice",
    "bread",
]
LONG = 100_000
CONTROLS = [chr(c) for c in (*range(9), *range(11, 32), *range(127, 160))]
DIRECTIONS = "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
COMBINING = [chr(c) for c in (*range(0x300, 0x370), *range(0x1AB0, 0x1AC0), 0x20DD, 0x20E3, 0xFE0F, 0x3099, 0x1D165)]
BLANKS = " \u00a0\u1680\u2000\u2003\u2009\u202f\u205f\u3000\t"
ZERO_WIDTH = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\u115f\u1160\u3164\u180e"
SEPARATORS = "\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e\r"
SPECIAL = ["<pad>", "<unk>", "<s>", "</s>", "▁", "▁▁", "<0x00>", "⁇", "\\n", "%s", "{}", "[]", '"', "'", "\\", "\ufffd"]
JOINED = [
    "👩\u200d👩\u200d👧\u200d👦",
    "🏳️\u200d🌈",
    "🇰🇷",
    "각",
    "각",
    "ﬀ",
    "ﷺ",
    "㎏",
    "Å",
    "é",
    "İ",
    "ß",
    "\ud7ff",
    "\ue000",
]


def hostile_line(rng: random.Random) -> str:
    """Draw a line without its end."""
    return rng.choice(_KINDS)(rng)


def long_line(rng: random.Random) -> str:
    """Draw a line of 100,000 characters."""
    part = hostile_line(rng) or rng.choice(WORDS)
    part = part if rng.random() < 0.5 else part.replace(" ", "") or "a"
    return (part * (LONG // len(part) + 1))[:LONG]


def broken(rng: random.Random) -> bytes:
    """Draw a line of bytes that are not UTF-8."""
    text = hostile_line(rng).encode()
    place = rng.randrange(len(text) + 1)
    wrong = rng.choice(
        [
            b"\xed\xa0\x80",
            b"\xed\xb0\x80",
            b"\xed\xa0\xbd\xed\xb8\x80",
            b"\xc0\x80",
            b"\xf4\x90\x80\x80",
            b"\xff\xfe",
            b"\x80",
            "나는".encode("euc-kr"),
            "é".encode("latin-1"),
        ]
    )
    # Half of a character at the end, or something wrong within.
    return (
        text + rng.choice(["나", "é", "😀"]).encode()[:-1]
        if rng.random() < 0.3
        else text[:place] + wrong + text[place:]
    )


def lines(count: int, seed: int, long_every: int = 5000) -> Iterator[str]:
    """Yield lines; one in ``long_every`` has 100,000 characters.

    >>> list(lines(3, seed=1)) == list(lines(3, seed=1)), list(lines(3, seed=1)) == list(lines(3, seed=2))
    (True, False)
    """
    rng = random.Random(seed)
    for number in range(count):
        yield long_line(rng) if number % long_every == long_every - 1 else hostile_line(rng)


def _size(rng: random.Random) -> int:
    return min(int(rng.expovariate(1 / 12)), 300)


def _any_plane(rng: random.Random) -> str:
    plane = rng.randrange(17) << 16
    codes = (plane + rng.randrange(0x10000) for _ in range(_size(rng)))
    return "".join(chr(c) for c in codes if c != 10 and not 0xD800 <= c < 0xE000)


def _of(characters: str | list[str]) -> Callable[[random.Random], str]:
    return lambda rng: "".join(rng.choices(characters, k=_size(rng)))


def _among_words(characters: str | list[str]) -> Callable[[random.Random], str]:
    def drawn(rng: random.Random) -> str:
        parts = [rng.choice(WORDS) if rng.random() < 0.5 else rng.choice(characters) for _ in range(_size(rng))]
        return rng.choice(["", " "]).join(parts)

    return drawn


def _words(rng: random.Random) -> str:
    return " ".join(rng.choices(WORDS, k=_size(rng)))


def _tower(rng: random.Random) -> str:
    return rng.choice("aㅏ가 ") + "".join(rng.choices(COMBINING, k=rng.choice([1, 10, 100, 1000])))


def _repeated(rng: random.Random) -> str:
    return rng.choice([*WORDS, *JOINED, *SPECIAL]) * rng.choice([1, 10, 100])


def _marked(rng: random.Random) -> str:
    return rng.choice(["\ufeff", "\ufeff\ufeff", "\ufffe", "\0"]) + _words(rng)


_KINDS: list[Callable[[random.Random], str]] = [
    lambda rng: "",
    _any_plane,
    _any_plane,
    _words,
    _tower,
    _repeated,
    _marked,
    _of(BLANKS),
    _of(ZERO_WIDTH),
    *(
        _among_words(each)
        for each in (CONTROLS, DIRECTIONS, COMBINING, ZERO_WIDTH, SEPARATORS, BLANKS, SPECIAL, JOINED)
    ),
]
