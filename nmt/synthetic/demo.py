"""The built-in corpus: Korean and English sentences written by a small grammar, with gold word links.

The grammar builds every sentence in both languages at once. A phrase holds Korean words in Korean
order and English words in English order, and every English word names the Korean words it comes
from. Nothing is guessed afterwards: the links of a sentence are those names turned into positions.

How words are linked:

* a content word links to the Korean word that carries it, and a counted noun also links to its counter;
* an article links to its noun, a preposition to the word that carries the particle;
* ``did``, ``will`` and a form of ``do`` link to the last word of the Korean verb, which carries the tense;
* ``not`` links to 안 or to the form of 않다, ``can``, ``want to``, ``have to`` and ``is`` (eating) to their own
  Korean words (수 있다, 싶다, 한다, 있다);
* ``because``, ``if``, ``when``, ``and``, ``that`` ... link to the word that carries the ending (때문에, 때, 먹고 ...);
* a pronoun that Korean leaves out (Cheolsu slept because *he* was tired) links to the verb of its clause.

Every word on both sides has at least one link.

English is a function of Korean. A subject and a person addressed take ``the``, a counted object takes
``a`` or ``an``, what one likes is general (사과를 좋아한다, likes apples), a mass noun takes no article.

Four splits share no sentence on either side. ``combinations`` tests pairs of words that never
occur together in training: each of its sentences joins a pair of ``HELD_OUT``, and no sentence of the other
splits contains both words of any such pair.

>>> sorted(pair.target for pair in pairs("train") if pair.source in STORY)
['I ate rice', 'I love Cheolsu']
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from nmt.errors import InputError, WorkFailed, nearest
from nmt.meanwhile import meanwhile
from nmt.synthetic.clauses import PAST, PRESENT, Action, Sentence, clause
from nmt.synthetic.complex_sentences import Storyteller
from nmt.synthetic.lexicon import NOUNS, rows, verbs_of
from nmt.synthetic.phrases import Nominal, Phrase, noun_phrase

SPLITS = ("train", "dev", "test", "combinations")
STORY = ("나는 밥을 먹었다", "나는 철수를 사랑해")
SEED = 20
CANDIDATES = 30_200
TRAIN_SIZE = 22_500
HELD_OUT_SIZE = 500
RAREST = 6
SEEN_OFTEN_ENOUGH = 4
LONGEST = 25


class Pair(NamedTuple):
    """One sentence in both languages.

    ``links`` are (source word, target word), counted from 0 and sorted. ``lemmas`` are the dictionary
    forms of the Korean content words, sorted: by them a test sees that a combination is new.
    """

    source: str
    target: str
    links: tuple[tuple[int, int], ...]
    lemmas: tuple[str, ...]


HELD_OUT_TABLE = """
먹다: 국수
마시다: 주스
사다: 모자 인형 오렌지
팔다: 신발 고기
읽다: 잡지 이메일
쓰다: 시
만들다: 의자 샐러드
요리하다: 생선
배우다: 역사 중국어
가르치다: 과학 일본어
공부하다: 한국어
좋아하다: 고양이 차
싫어하다: 우유 수학
찾다: 우산
잃어버리다: 열쇠
열다: 상자
닫다: 가방
그리다: 말
고치다: 시계
주다: 사진
보내다: 꽃
빌려주다: 카메라
크다: 상자
작다: 카메라
비싸다: 자전거
아름답다: 나무
길다: 이메일
짧다: 소설
재미있다: 연극
맛있다: 수프
빨갛다: 우산
하얗다: 셔츠
친절하다: 간호사
유명하다: 화가
젊다: 농부
똑똑하다: 기자
빠르다: 자전거
"""
HELD_OUT: tuple[tuple[str, str], ...] = tuple(
    (head, dependent)
    for head, dependents in (line.split(": ") for line in rows(HELD_OUT_TABLE))
    for dependent in dependents.split()
)


MIXTURE: tuple[tuple[int, Callable[[Storyteller], Sentence]], ...] = (
    (17, Storyteller.statement),
    (3, Storyteller.intimate),
    (7, Storyteller.question),
    (8, Storyteller.wh_question),
    (5, Storyteller.description),
    (2, Storyteller.comparison),
    (2, Storyteller.feeling),
    (3, Storyteller.identity),
    (5, Storyteller.existence),
    (5, Storyteller.same_subject),
    (4, Storyteller.side_by_side),
    (4, Storyteller.contrast),
    (7, Storyteller.cause),
    (4, Storyteller.condition),
    (4, Storyteller.when),
    (3, Storyteller.described_thing),
    (3, Storyteller.made_thing),
    (3, Storyteller.described_person),
    (6, Storyteller.report),
    (4, Storyteller.errand),
    (4, Storyteller.order_of_events),
    (14, Storyteller.long),
)


class CandidatePair(NamedTuple):
    """A sentence that may enter the corpus, with the word forms of both sides; no form belongs to both."""

    pair: Pair
    relations: frozenset[tuple[str, str]]
    words: frozenset[str]


def _to_pair(phrase: Phrase, *, question: bool = False) -> Pair:
    """Write a phrase down as a sentence."""
    mark = "?" if question else ""
    place = {eojeol: number for number, eojeol in enumerate(phrase.korean)}
    links = {(place[eojeol], number) for number, (_, source) in enumerate(phrase.english) for eojeol in source}
    source = " ".join(eojeol.text for eojeol in phrase.korean)
    target = " ".join(word for word, _ in phrase.english)
    lemmas = tuple(sorted(set(phrase.lemmas)))
    return Pair(source + mark, target[0].upper() + target[1:] + mark, tuple(sorted(links)), lemmas)


def _candidate(sentence: Sentence) -> CandidatePair:
    phrase, question = sentence
    pair = _to_pair(phrase, question=question)
    return CandidatePair(pair, frozenset(phrase.relations), frozenset(f"{pair.source} {pair.target}".split()))


def _story() -> list[CandidatePair]:
    """Return the sentences of the demonstration's story, and similar ones."""
    told = []
    for who, verb, whom, ending in (
        ("나", "먹다", "밥", "다"),
        ("나", "사랑하다", "철수", "어"),
        ("나", "먹다", "빵", "다"),
        ("그", "먹다", "밥", "다"),
        ("나", "사랑하다", "영희", "어"),
        ("철수", "사랑하다", "나", "어"),
    ):
        said = noun_phrase(Nominal(NOUNS[whom]), "를", "object")
        action = Action(verbs_of(verb)[0], (said,), relations=((verb, whom),))
        form = PRESENT if ending == "어" else PAST
        told.append(_candidate((clause(Nominal(NOUNS[who]), action, form, ending).phrase, False)))
    return told


def _candidates() -> list[CandidatePair]:
    """Write until there are enough different Korean sentences that are not too long."""
    author = Storyteller(SEED)
    weights, kinds = zip(*MIXTURE, strict=True)
    found = {candidate.pair.source: candidate for candidate in _story()}
    while len(found) < CANDIDATES:
        for kind in author.random.choices(kinds, weights, k=1000):
            candidate = _candidate(kind(author))
            if max(len(candidate.pair.source.split()), len(candidate.pair.target.split())) <= LONGEST:
                found.setdefault(candidate.pair.source, candidate)
    return list(found.values())


PARTNERS = {head: frozenset(other for one, other in HELD_OUT if one == head) for head, _ in HELD_OUT}


def _brings_together(pair: Pair) -> bool:
    """Return whether both words of a held-out pair are in the sentence, at any place."""
    return any(PARTNERS.get(lemma, frozenset()) & set(pair.lemmas) for lemma in pair.lemmas)


@cache
def _splits() -> dict[str, list[Pair]]:
    everything = _candidates()
    open_to_all = [candidate for candidate in everything if not _brings_together(candidate.pair)]
    held_back = [candidate for candidate in everything if not candidate.relations.isdisjoint(HELD_OUT)]
    train = _without_rare_words(open_to_all[: TRAIN_SIZE + 3 * HELD_OUT_SIZE])
    counts = _word_counts(train)
    tested = _take_tests(train, counts)
    taken = {candidate.pair.source for candidate in tested}
    train = [candidate for candidate in train if candidate.pair.source not in taken]
    seen = {candidate.pair.target for candidate in (*train, *tested)}
    combinations = _take_combinations(held_back, counts, seen)
    chosen = (train, tested[:HELD_OUT_SIZE], tested[HELD_OUT_SIZE:], combinations)
    return {split: [one.pair for one in part] for split, part in zip(SPLITS, chosen, strict=True)}


def _word_counts(candidates: list[CandidatePair]) -> Counter[str]:
    """Count in how many candidates each word occurs."""
    return Counter(chain.from_iterable(candidate.words for candidate in candidates))


def _without_rare_words(candidates: list[CandidatePair]) -> list[CandidatePair]:
    while True:
        counts = _word_counts(candidates)
        rare = {word for word, count in counts.items() if count < RAREST}
        kept = [one for one in candidates if one.words.isdisjoint(rare)]
        if len(kept) == len(candidates):
            return kept
        candidates = kept


def _take_tests(candidates: list[CandidatePair], counts: Counter[str]) -> list[CandidatePair]:
    """Take dev and test out of the candidates, but no sentence with a word that training would then see too rarely.

    A sentence whose English is also the translation of another one stays in training, and so does the story.
    """
    translations = Counter(candidate.pair.target for candidate in candidates)
    story = {candidate.pair.source for candidate in _story()}
    tested: list[CandidatePair] = []
    for candidate in random.Random(SEED).sample(candidates, len(candidates)):
        if len(tested) == 2 * HELD_OUT_SIZE:
            break
        alone = translations[candidate.pair.target] == 1 and candidate.pair.source not in story
        if alone and all(counts[word] > SEEN_OFTEN_ENOUGH for word in candidate.words):
            counts.subtract(candidate.words)
            tested.append(candidate)
    return tested


def _take_combinations(held_back: list[CandidatePair], counts: Counter[str], seen: set[str]) -> list[CandidatePair]:
    """Take sentences with a held-out pair, as evenly over the pairs as the sentences allow."""
    used: Counter[tuple[str, str]] = Counter()
    chosen: list[CandidatePair] = []
    known = [one for one in held_back if all(counts[word] >= SEEN_OFTEN_ENOUGH for word in one.words)]
    limit = 1
    while len(chosen) < HELD_OUT_SIZE and limit < HELD_OUT_SIZE:
        for candidate in known:
            pairs_in_it = candidate.relations.intersection(HELD_OUT)
            fresh = candidate.pair.target not in seen and max(used[pair] for pair in pairs_in_it) < limit
            if fresh and len(chosen) < HELD_OUT_SIZE:
                used.update(pairs_in_it)
                seen.add(candidate.pair.target)
                chosen.append(candidate)
        limit += 1
    return chosen


def pairs(split: str) -> list[Pair]:
    """Return the sentences of a split: train, dev, test or combinations.

    >>> pairs("tset")
    Traceback (most recent call last):
        ...
    nmt.errors.InputError: There is no split 'tset' of the built-in corpus. Did you mean 'test'?
    """
    if split not in SPLITS:
        raise InputError(f"There is no split {split!r} of the built-in corpus.{nearest(split, list(SPLITS))}")
    return list(_splits()[split])


def write(folder: str | Path) -> None:
    """Write SPLIT.ko, SPLIT.en and SPLIT.links (``i-j i-j``, as Pharaoh does) for every split into the folder."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for split in SPLITS:
        chosen = pairs(split)
        links = (" ".join(f"{i}-{j}" for i, j in pair.links) for pair in chosen)
        _write_lines(folder / f"{split}.ko", (pair.source for pair in chosen))
        _write_lines(folder / f"{split}.en", (pair.target for pair in chosen))
        _write_lines(folder / f"{split}.links", links)


@contextmanager
def written_meanwhile(folder: Path) -> Iterator[Callable[[], None]]:
    """Write the corpus as :func:`write` does, in a process of its own, while this one imports TensorFlow.

    Yields a function that waits until all files are there. It raises :class:`~nmt.errors.WorkFailed` if they cannot be
    written. Without it the process is ended with the context.
    """
    with meanwhile("nmt.synthetic.demo:write", str(folder)) as written:

        def wait() -> None:
            try:
                written()
            except WorkFailed as error:
                raise WorkFailed(f"The built-in corpus could not be written into {folder}: {error}") from None

        yield wait


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")


def main() -> None:
    """Print a hundred sentences with their links."""
    for pair in random.Random(0).sample(pairs("train"), 100):
        print(pair.source, pair.target, " ".join(f"{i}-{j}" for i, j in pair.links), "", sep="\n")


if __name__ == "__main__":
    main()
