"""Links that are learned: the likeliest of a target word, or near the likeliest of a source word."""

import numpy as np

from nmt.linking.likely_links import likely_links


def test_a_link_is_likely_and_near_the_likeliest_of_one_of_its_words() -> None:
    # The first source word has its likeliest, 0.9; 0.6 of it is 0.54, so 0.5 is too little, and no target word's own.
    # The second word's likeliest is 0.65, and 0.4, more than 0.39, lies near it, though its target word has 0.5.
    weights = np.array([[0.9, 0.05], [0.5, 0.65], [0.29, 0.1], [0.5, 0.4]])
    assert likely_links(weights) == {(0, 0), (1, 1), (0, 3), (1, 3)}
    assert likely_links(np.zeros([0, 2])) == likely_links(np.zeros([2, 0])) == likely_links(np.zeros([2, 2])) == set()
