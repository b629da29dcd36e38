"""The links that an alignment head learns."""

import numpy as np

from nmt.linking.aligner import Posteriors
from nmt.linking.likely_links import likely_links


def test_a_link_is_likely_by_both_directions_together() -> None:
    # Means: 0.3, 0.25; 0.05, 0.6. Rows are target words, and a link names the source word first.
    both = Posteriors(np.array([[0.6, 0.5], [0.0, 0.5]]), np.array([[0.0, 0.0], [0.1, 0.7]]))
    assert likely_links(both) == {(0, 0), (1, 1)}
