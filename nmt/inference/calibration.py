"""The confidence of a translator, learned from development pairs; see :mod:`nmt.evaluation.confidence`."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from typing import Any

from nmt.data.evenly_spaced import evenly_spaced
from nmt.errors import InputError
from nmt.evaluation.alignment import split_words, words
from nmt.evaluation.confidence import Confidence, Confidences, Example, example, learn_confidence
from nmt.evaluation.scores import choose_tokenizer, composed
from nmt.inference.confidence_file import written
from nmt.inference.translator import Translator
from nmt.translation import Translation

logger = logging.getLogger(__name__)

# With fewer pairs a probability would be a guess; more take longer and teach little more.
MIN_PAIRS = 100
_MAX_PAIRS = 1000


def calibrate(
    translator: Translator, pairs: Sequence[tuple[str, str]], **decoding: Any
) -> tuple[Confidence, Confidences]:
    """Return the confidence of a translator, as pairs teach it that it was not trained on.

    Up to 1,000 of them are translated, spread over the whole, by the search of the translator's config.

    Arguments:
        translator: the trained model.
        pairs: sentences and their translations.
        decoding: keys of the config's section that are different this time.

    Returns:
        The confidence and, to tell how reliable it is, what each translation was given by what the others taught.

    Raises:
        InputError: if there are fewer than 100 pairs with text, or the search draws at random.
    """
    if translator.decoding(**decoding).sample:
        raise InputError("A confidence is that of the best translation, and decoding.sample = true draws at random.")
    real = check_pairs(pairs)
    chosen = evenly_spaced(real, _MAX_PAIRS)
    begun = time.monotonic()
    found = translator.translate([source for source, _ in chosen], **decoding)
    target = translator.tokenizers.target
    # What the model cannot write in another form than its own is no fault of a translation.
    own = target.normalized if target.normalization in ("nfkc", "nmt_nfkc") else str
    examples = [each for each in examples_of(found, [own(reference) for _, reference in chosen]) if each.right]
    if len(examples) < MIN_PAIRS:
        raise InputError("A confidence cannot be learned: nearly all translations of the pairs are blank.")
    confidence, held = learn_confidence(examples)
    logger.info(f"Learned a confidence from {len(examples):,} pairs in {time.monotonic() - begun:.1f} s.")
    return confidence, held


def check_pairs(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the pairs with text on both sides.

    Raises:
        InputError: if they are too few to learn a confidence from, or their references have no spaces between words, so
            that a whole sentence would be right or wrong.
    """
    real = [pair for pair in pairs if all(map(str.strip, pair))]
    if len(real) < MIN_PAIRS:
        raise InputError(
            f"A confidence is learned from {MIN_PAIRS} development pairs or more, and there are {len(real):,} with "
            "text."
        )
    if choose_tokenizer([reference for _, reference in real]) in ("zh", "char"):
        raise InputError(
            "A confidence is that of words between spaces, and the target language writes none, so none can be "
            "learned. A training that learns none has training.confidence = off."
        )
    return real


def examples_of(found: Iterable[Translation], references: Iterable[str]) -> Iterable[Example]:
    """Compare translations with their references, in NFC both."""
    for translation, reference in zip(found, references, strict=True):
        own = composed(list(words(translation.tokens).words))
        yield example(written(translation), own, split_words(composed([reference])[0]))


def gather(gathered: Confidences, found: Iterable[Translation], references: Iterable[str]) -> None:
    """Add translations that have a confidence, and what is right of them, to those gathered so far."""
    kept, texts = [], []
    for translation, reference in zip(found, references, strict=True):
        if translation.confidence is not None:
            kept.append(translation)
            texts.append(reference)
    for translation, each in zip(kept, examples_of(kept, texts), strict=True):
        assert translation.confidence is not None
        gathered.add(translation.confidence, [share for _, share in translation.word_confidences], each)
