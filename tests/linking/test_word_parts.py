"""Words are cut where many others begin or end alike."""

from nmt.linking.word_parts import count_parts

NOUNS, ENDINGS = ["카페", "바다", "시장", "공원", "학교", "가게", "병원"], ["", "에", "를", "는", "와", "만"]


def test_a_word_is_cut_where_the_product_of_both_counts_is_largest_and_at_least_31() -> None:
    # Six endings of which one is empty: 카페 begins 5 other words, and 에 ends 7: 5 × 7 = 35. With six nouns it is 30.
    words = [noun + ending for noun in NOUNS for ending in ENDINGS]
    parts = count_parts(words)
    assert parts.beginnings["카페"] == 5 and parts.endings["에"] == 7
    assert parts.cut("카페에") == ("카페 ", "  에")
    assert count_parts(words[:-6]).cut("카페에") == ("카페에",)
    assert count_parts(words * 3) == parts  # each word counts once


def test_a_word_of_a_million_letters_is_left_whole() -> None:
    long = "a" * 1_000_000
    parts = count_parts([long, *(noun + ending for noun in NOUNS for ending in ENDINGS)])
    assert parts.cut(long) == (long,) and "a" not in parts.beginnings
    assert parts.cut("카페에") == ("카페 ", "  에")


def test_what_few_words_share_is_no_part() -> None:
    parts = count_parts([*(f"{noun}에" for noun in NOUNS * 9), *(f"카페{ending}" for ending in "를는와")])
    assert parts.cut("바다에") == ("바다에",) and parts.cut("") == ("",)  # no other word begins with 바다
