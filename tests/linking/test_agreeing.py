"""Four models that learn from each other link what counts of words cannot."""

import numpy as np
import pytest
from command_line import PAIRS

from nmt.errors import InputError
from nmt.linking import hidden_markov
from nmt.linking.agreeing import _agreed, _read, link


def test_links_are_those_of_subject_object_verb_whichever_side_is_cut() -> None:
    assert all(each.links() == {(0, 0), (1, 2), (2, 1)} for each in link(PAIRS))
    turned = link([(en, ko) for ko, en in PAIRS])
    assert all(each.links() == {(0, 0), (2, 1), (1, 2)} for each in turned)
    assert all(each.mean.min() >= 0 and each.mean.max() <= 1 + 1e-9 for each in turned)


def test_a_link_that_both_directions_find_is_likelier_and_parts_follow_words() -> None:
    # One target, two words, of which the first has two parts. The other direction finds the second word, in full.
    words, parts = np.array([[[0.5, 0.3]]]), np.array([[[0.2, 0.2, 0.4]]])
    backward, back_parts = np.array([[[0.0], [1.0]]]), np.array([[[0.0], [0.0], [1.0]]])
    inside = np.array([[[1.0, 0], [1, 0], [0, 1]]])
    both, divided, *rest = _agreed([words, parts, backward, back_parts], inside)
    # Words: 0.5 · 0.5 and 0.3 · 1.5, to the sum 0.8: 2/7 and 18/35. Parts: 0.2 · 0.5 twice and 0.4 · 1.5, to 0.8.
    np.testing.assert_allclose(both[0, 0], [(2 / 7 + 0.2) / 2, (18 / 35 + 0.6) / 2])
    np.testing.assert_allclose(divided[0, 0], [both[0, 0, 0] / 2, both[0, 0, 0] / 2, both[0, 0, 1]])
    # A word that has one link keeps it, however little the other direction believes in it.
    np.testing.assert_allclose(rest[0], backward)
    np.testing.assert_allclose(rest[1], back_parts)


def test_the_other_direction_is_heard_and_targets_are_read_from_their_end() -> None:
    # Two targets, one source word whose only part is itself. It went to either; the first came from it for sure.
    words, back = np.array([[[1.0], [0.5]]]), np.array([[[0.5, 0.5]]])
    *_, backward, back_parts = _agreed([words, words, back, back], np.ones([1, 1, 1]))
    # 0.5 · (1 + 1) and 0.5 · (0.5 + 1), to the sum 1.
    np.testing.assert_allclose(backward[0, 0], [4 / 7, 3 / 7])
    np.testing.assert_allclose(back_parts, backward)
    parts, _ = _read([[["a"], ["b", "c"]], [["x", "y", "z"], ["x", "y"]]])
    whole, from_end, *_ = parts[0].directions
    # The longer sentence comes first where it is read: padding stays behind.
    for forwards, backwards in zip(whole.target.tolist(), from_end.target.tolist(), strict=True):
        real = [word for word in forwards if word >= 0]
        assert backwards == real[::-1] + forwards[len(real) :]
    found = [whole.target[:, :, None].astype(float)] * 4
    np.testing.assert_array_equal(parts[0].mirrored(found)[1][:, :, 0], from_end.target)


def test_pairs_in_several_batches_have_the_links_of_those_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [*PAIRS[:20], ("밥 밥을 나는", "I ate rice again"), ("나는", "I")]
    together = link(pairs)
    monkeypatch.setattr(hidden_markov, "_BATCH_SIZE", 1)
    for one, other in zip(together, link(pairs), strict=True):
        np.testing.assert_allclose(one.mean, other.mean, atol=1e-9)


def test_a_sentence_without_words_has_no_links_and_too_few_pairs_are_refused() -> None:
    found = link([*PAIRS, ("", "I ate"), ("나는", "")])
    assert [each.mean.shape for each in found[-2:]] == [(2, 0), (0, 1)]
    with pytest.raises(InputError, match="too few pairs"):
        link([("나는", "I"), ("", "you")])
