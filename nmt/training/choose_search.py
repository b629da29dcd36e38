"""The search of a trained model, chosen by the development set: beam size and length penalty.

A beam finds likelier translations than greedy search, and without a length penalty it prefers short ones (Wu et al.
2016, section 7, https://arxiv.org/abs/1609.08144). How much of either a model needs depends on it and on the language.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any

from nmt.config import Decoding
from nmt.data.evenly_spaced import evenly_spaced
from nmt.evaluation.scores import score
from nmt.inference.translator import Translator
from nmt.training.row_captioner import RowCaptioner

logger = logging.getLogger(__name__)

# With fewer sentences chance would choose.
MIN_PAIRS = 100
# More sentences take longer and choose the same.
_MAX_PAIRS = 500
SECONDS = 120.0
# How much a larger beam must gain to be worth its time, in points of BLEU or chrF.
WORTH = 0.2
# How much another length penalty must gain: less than this is chance with so few sentences. See docs/measured.md.
PENALTY_WORTH = 0.6
_BEAM = 5
_USUAL_PENALTY = 1.0
_OTHER_PENALTIES = (0.6, 1.4)
_OTHER_BEAMS = (3, 10)


def choose_search(translator: Translator | RowCaptioner, pairs: Sequence[tuple[str, str]]) -> Decoding:
    """Return the section ``decoding`` of a model with the beam size and length penalty that suit it.

    Greedy search is tried, then a beam of 5 with length penalty 1 and with others, one of which is taken if it gains
    ``PENALTY_WORTH``, then other beams with that penalty. Of those whose score is not more than ``WORTH`` below the
    best, the smallest beam is chosen. A length penalty that is set already stays. All that is tried is logged.

    It takes about ``SECONDS`` at most: a search that would probably end later, by how long the ones before have taken,
    is left out, which is logged, too. Greedy search and one beam are always tried.

    Arguments:
        translator: the trained model.
        pairs: development pairs. Up to 500 of them are translated, spread over the whole; fewer than 100 choose
            nothing, and a beam of 5 with length penalty 1 is taken, which is better than greedy search as a rule.
    """
    own = translator.config.decoding
    greedy = translator.decoding(beam=1)
    if len(pairs) < MIN_PAIRS:
        beam, penalty = min(_BEAM, translator.tokenizers.target.vocabulary), own.length_penalty or _USUAL_PENALTY
        logger.info(
            f"{len(pairs):,} development pairs are too few to choose the search, which needs {MIN_PAIRS}: "
            f"decoding.beam = {beam} and decoding.length_penalty = {penalty:g} are taken, which are usual."
        )
        return translator.decoding(beam=beam, length_penalty=penalty)
    chosen = evenly_spaced(pairs, _MAX_PAIRS)
    sources, references = [source for source, _ in chosen], [target for _, target in chosen]
    logger.info(f"The search is chosen by {len(chosen):,} development pairs.")
    found: dict[tuple[int, float], float] = {}  # by beam size and length penalty
    paces: list[float] = []
    end = time.monotonic() + SECONDS

    def attempt(beam: int, penalty: float) -> None:
        began = time.monotonic()
        if beam > translator.tokenizers.target.vocabulary:
            return
        how = "greedy" if beam == 1 else f"beam {beam}, length penalty {penalty:g}"
        # A beam takes about as long as it is wide.
        if paces and began + beam * max(paces) > end:
            logger.info(f"  {how} is left out: the search may be chosen for {SECONDS:g} seconds.")
            return
        # A shortlist is made of a trained model, so a run has none yet.
        changes: dict[str, Any] = {"shortlist": False, **({"length_penalty": penalty} if beam > 1 else {})}
        scores = score([each.text for each in translator.translate(sources, None, 0, beam=beam, **changes)], references)
        name, found[beam, penalty], _ = scores.telling
        seconds = time.monotonic() - began
        if beam > 1:
            paces.append(seconds / beam)
        logger.info(f"  {how}: {name} {found[beam, penalty]:.2f} in {seconds:.1f} seconds")

    attempt(1, 0.0)
    first = own.length_penalty or _USUAL_PENALTY
    for penalty in (first,) if own.length_penalty else (first, *_OTHER_PENALTIES):
        attempt(_BEAM, penalty)
    penalty = best_penalty(first, {penalty: found[beam, penalty] for beam, penalty in found if beam > 1})
    for beam in _OTHER_BEAMS:
        attempt(beam, penalty)
    beam = best_beam({each: found[each, of] for each, of in found if each == 1 or of == penalty})
    if beam == 1:
        logger.info("Greedy search is kept: no beam is clearly better.")
        return greedy
    logger.info(
        f"decoding.beam = {beam} and decoding.length_penalty = {penalty:g} are kept; decoding.beam = 1 is greedy."
    )
    return translator.decoding(beam=beam, length_penalty=penalty)


def best_penalty(usual: float, found: dict[float, float]) -> float:
    """Return the usual length penalty, or the best of the others if it gains more than ``PENALTY_WORTH``.

    >>> best_penalty(1.0, {1.0: 35.1, 0.6: 34.9, 1.4: 35.5}), best_penalty(1.0, {1.0: 35.1, 0.6: 34.9, 1.4: 36.1})
    (1.0, 1.4)
    """
    best = max(found, key=lambda each: found[each], default=usual)
    return best if best != usual and found[best] > found[usual] + PENALTY_WORTH else usual


def best_beam(found: dict[int, float]) -> int:
    """Return the smallest beam whose score is not more than ``WORTH`` below the best.

    >>> best_beam({1: 33.0, 3: 35.1, 5: 35.2, 10: 35.25})
    3
    """
    return min(beam for beam in found if found[beam] >= max(found.values()) - WORTH)
