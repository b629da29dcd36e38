"""Sentences of ten languages, of which those of the test have other words."""

from collections import Counter

from nmt.synthetic.languages import LANGUAGES, SIZES, sentences
from nmt.synthetic.tasks import SPLITS


def test_each_language_has_its_share_and_no_sentence_is_in_two_splits() -> None:
    every = {split: sentences(split) for split in SPLITS}
    assert {split: len(found) for split, found in every.items()} == SIZES
    for found in every.values():
        assert Counter(language for _, language in found) == dict.fromkeys(LANGUAGES, len(found) // len(LANGUAGES))
    texts = [text for found in every.values() for text, _ in found]
    assert len(set(texts)) == len(texts)


def test_a_test_sentence_shares_only_small_words_with_the_training() -> None:
    known = {word for text, _ in sentences("train") for word in text.split()}
    shared = {word for text, _ in sentences("test") for word in text.split() if word in known}
    assert max(map(len, shared)) <= 5 and len(shared) < 30
