"""News items and their headlines: their size, their style, and where the facts stand."""

import re
from random import Random

import pytest

from nmt.synthetic.headlines import NEWS, Facts, Story, pair

EXAMPLES = [pair(random) for random in [Random(11)] for _ in range(2000)]
WRITTEN_OUT = {"nine": "9", "eight": "8", "seven": "7", "six": "6", "five": "5", "four": "4", "three": "3", "two": "2"}
LITTLE_WORDS = {"after", "and", "are", "as", "at", "by", "for", "from", "in", "near", "of", "on", "over", "to", "with"}


def words(text: str) -> set[str]:
    """Return the words of a text in lower case, hyphenated ones also in parts, without marks around them."""
    found = {word.strip('.,"').removesuffix("'s") for word in text.lower().split()}
    return found | {part for word in found for part in word.split("-")}


def number_words(text: str) -> set[str]:
    """Return what is a number in a text: digits, and digits for the numbers that are written out."""
    found = set(re.findall(r"\d[\d,.]*\d|\d", text))
    return found | {WRITTEN_OUT[word] for word in words(text) if word in WRITTEN_OUT}


def test_items_have_30_to_70_words_in_2_to_4_sentences() -> None:
    for item, _ in EXAMPLES:
        assert 30 <= len(item.split()) <= 70, item
        assert 2 <= len(re.findall(r"\.(?: |$)", item)) <= 4, item


def test_headlines_have_4_to_9_words_and_are_much_shorter_than_their_item() -> None:
    for item, headline in EXAMPLES:
        assert 4 <= len(headline.split()) <= 9, headline
        assert 3 * len(headline.split()) < len(item.split())


def test_headlines_have_no_article_no_full_stop_and_no_past_tense_of_be_or_say() -> None:
    for _, headline in EXAMPLES:
        assert not words(headline) & {"a", "an", "the", "was", "were", "had", "has", "said"}, headline
        assert headline[0].isupper() or headline[0] in "$123456789"
        assert headline[-1] not in ".,"


def test_every_number_of_a_headline_is_in_its_item() -> None:
    told = 0
    for item, headline in EXAMPLES:
        numbers = number_words(headline.replace("-", " "))
        told += bool(numbers)
        assert numbers <= number_words(item.replace("-", " ")), (item, headline)
    assert told > 0.6 * len(EXAMPLES)


def test_every_name_of_a_headline_is_in_its_item() -> None:
    for item, headline in EXAMPLES:
        names = {word.strip(",") for word in headline.split()[1:] if word[0].isupper()}
        assert all(name in item for name in names), (item, headline)


def test_the_facts_of_a_headline_are_scattered() -> None:
    for item, headline in EXAMPLES:
        told = [words(sentence) | number_words(sentence) for sentence in item.split(". ")]
        asked = words(headline) | number_words(headline.replace("-", " "))
        facts = (asked & set().union(*told)) - LITTLE_WORDS
        assert len(facts) >= 2, (item, headline)
        assert not any(facts <= sentence for sentence in told), (item, headline)


def test_items_hold_numbers_and_names_that_the_headline_leaves_out() -> None:
    distracted = sum(bool(number_words(item) - number_words(headline)) for item, headline in EXAMPLES)
    assert distracted > 0.5 * len(EXAMPLES)


def test_spelling() -> None:
    for text in (text for example in EXAMPLES for text in example):
        assert not re.search(r"  | [,.]|[][{}|]|\.\.|^\"? |\b[Aa] [aeio]|\b[Aa]n (?!hour|un)[^aeio]", text), text
        assert text.count('"') in (0, 2)


@pytest.mark.parametrize("story", NEWS, ids=lambda story: story.angles[0][1])
def test_every_story_can_be_told_in_many_ways(story: Story) -> None:
    assert len(story.leads) >= 2
    assert len(story.angles) >= 2
    assert story.quotes
    assert story.backgrounds


@pytest.mark.parametrize("story", NEWS, ids=lambda story: story.angles[0][1])
def test_a_headline_asks_for_no_fact_that_its_item_lacks(story: Story) -> None:
    for detail, headline in story.angles:
        for lead in story.leads:
            for seed in range(20):
                facts = Facts(Random(seed), story.facts)
                facts.sentence(lead)
                facts.sentence(detail)
                known = set(facts.known)
                facts.sentence(headline)
                assert set(facts.known) == known, (lead, headline)


def test_headlines_are_varied() -> None:
    assert len({headline for _, headline in EXAMPLES}) > 0.95 * len(EXAMPLES)
    assert len({item for item, _ in EXAMPLES}) == len(EXAMPLES)


def test_two_facts_of_a_kind_differ() -> None:
    for seed in range(300):
        facts = Facts(Random(seed), {})
        assert len({facts.tell("person", 2), facts.tell("person2", 2), facts.tell("person3", 2)}) == 3


def test_the_same_seed_writes_the_same_pairs() -> None:
    first, second = ([pair(random) for _ in range(20)] for random in (Random(7), Random(7)))
    assert first == second
