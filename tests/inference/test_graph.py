"""The cache of graphs keeps those that were used last."""

from nmt.config import Decoding
from nmt.inference.graph import GraphCache


def test_the_number_of_graphs_is_bounded() -> None:
    made = []
    graphs = GraphCache(lambda settings: made.append(settings.beam), size=3)
    for size in (1, 2, 3, 4, 2, 1, 4):  # 1 was dropped for 4, and 3 for 1: the one that was used least recently
        graphs(Decoding(beam=size))
    assert (len(graphs), made) == (3, [1, 2, 3, 4, 1])
