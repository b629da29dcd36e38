"""A sample of sentences is uniform over the distinct ones, and its counts are exact."""

from collections import Counter

from nmt.data.vocabulary_sample import SentenceSample


def test_few_sentences_are_all_kept_in_their_order() -> None:
    sample = SentenceSample(7)
    sample.add(["b", "a", "b"])
    sample.add(["c", "b"])
    assert list(sample.counts().items()) == [("b", 3), ("a", 1), ("c", 1)]


def test_a_text_that_is_read_several_times_counts_once() -> None:
    sample = SentenceSample(7)
    sample.add(["b", "a", "b", "c", "c", "c"] * 5)
    assert sample.counts() == {"b": 2, "a": 1, "c": 3}
    sample.add(["a"])
    assert sample.counts() == {"b": 10, "a": 6, "c": 15}


def test_many_are_a_uniform_sample_with_exact_counts() -> None:
    # Sentence i occurs 1 + i % 3 times, the repetitions far apart.
    text = [str(i) for again in range(3) for i in range(6007) if i % 3 >= again]
    sample = SentenceSample(601)
    sample.add(text)
    counts, true = sample.counts(), Counter(text)
    assert len(counts) == 601
    assert all(true[sentence] == count for sentence, count in counts.items())
    # A third of them has each count: 200, give or take four standard deviations of 11; frequency chooses nothing.
    found = Counter(counts.values())
    assert all(abs(found[count] - 200) < 44 for count in (1, 2, 3))
    # Nor does the place: half of them come from the first half.
    assert abs(sum(int(sentence) < 3003 for sentence in counts) - 300) < 49
