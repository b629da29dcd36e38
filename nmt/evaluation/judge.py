"""The judge of a run: which score of the development set chooses the best epoch, lowers the rate and stops early.

BLEU counts runs of four words. Where half of the targets have fewer it is 0.0 from the first epoch to the last, and
where a script has no spaces it needs a tokenizer of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nmt.evaluation.scores import choose_tokenizer, why_bleu_fails

BLEU = "val_bleu"
CHRF = "val_chrf"
PERPLEXITY = "val_perplexity"
ACCURACY = "val_accuracy"
F1 = "val_f1"
NAMES = {BLEU: "BLEU", CHRF: "chrF", PERPLEXITY: "perplexity", ACCURACY: "accuracy", F1: "macro F1"}

# What an epoch has measured, in the order in which it is shown: the key of the journal, and how a line writes it.
MEASURED = {
    "loss": "loss {:.4f}",
    "perplexity": "perplexity {:,.2f}",
    "accuracy": "accuracy {:.1%}",
    "alignment_loss": "alignment loss {:.4f}",
    "val_loss": "dev loss {:.4f}",
    PERPLEXITY: "dev perplexity {:,.2f}",
    ACCURACY: "dev accuracy {:.1%}",
    BLEU: "dev BLEU {:.2f}",
    CHRF: "dev chrF {:.2f}",
    F1: "dev macro F1 {:.1%}",
    "learning_rate": "learning rate {:.2g}",
}

# Below these, the scores are chance, and the perplexity decides: letters without sense have a chrF of about ten.
_FLOORS = {BLEU: 1.0, CHRF: 15.0, ACCURACY: 0.0, F1: 0.0}
# A run whose best epoch is no better than this learned next to nothing.
_NEXT_TO_NOTHING = {BLEU: 2.0, CHRF: 15.0}


@dataclass(frozen=True)
class Judge:
    """The score that decides, and why it is that one.

    Attributes:
        watch: its name in the journal, one of ``NAMES``.
        why: the reason, half a sentence.
        tokenizer: that of BLEU.
    """

    watch: str
    why: str
    tokenizer: str = "13a"

    def __str__(self) -> str:
        return f"The epochs are judged by the {NAMES[self.watch]} of the development set: {self.why}."


def choose_label_judge(watch: str) -> Judge:
    """Return the judge of the run of a classifier or a tagger, by ``training.watch``.

    >>> print(choose_label_judge("auto"))
    The epochs are judged by the macro F1 of the development set: every label counts the same, also a rare one.
    """
    if watch == "auto":
        return Judge(F1, "every label counts the same, also a rare one")
    return Judge(f"val_{watch}", f"training.watch = '{watch}'")


def choose_judge(watch: str, targets: Sequence[str], language_model: bool = False) -> Judge:
    """Return the judge of a run.

    Arguments:
        watch: ``training.watch``; ``auto`` takes the one that suits the targets.
        targets: those of the development set.
        language_model: whether the run is that of a language model.

    >>> print(choose_judge("auto", ["eat", "rice"]))
    The epochs are judged by the chrF of the development set: half of the references have fewer than four words.
    """
    tokenizer = choose_tokenizer(targets)
    if watch != "auto":
        return Judge(f"val_{watch}", f"training.watch = '{watch}'", tokenizer)
    if language_model:
        return Judge(PERPLEXITY, "a language model makes no translations", tokenizer)
    if why := why_bleu_fails(targets):
        return Judge(CHRF, why, tokenizer)
    why = (
        "the targets are tokenized already, so sacreBLEU counts what stands between spaces"
        if tokenizer == "none"
        else f"sacreBLEU's tokenizer {tokenizer} fits the targets"
    )
    return Judge(BLEU, why, tokenizer)


def quality(record: Mapping[str, Any], watch: str) -> float:
    """Return a number that is higher the better an epoch was.

    It is the watched score once that has begun to move. Before, and for a judge by perplexity, it is the perplexity
    with its sign changed: a negative number, so that every epoch whose score has moved is better than all before it.

    >>> [quality({"val_bleu": bleu, "val_perplexity": 90.0}, "val_bleu") for bleu in (0.0, 1.5)]
    [-90.0, 1.5]
    """
    score, perplexity = record.get(watch), record.get(PERPLEXITY)
    if score is not None and score >= _FLOORS.get(watch, math.inf):
        return float(score)
    # A perplexity that overflowed is no number. Records of earlier versions may have none.
    if perplexity is None:
        return -math.inf if watch == PERPLEXITY or score is None else score - _FLOORS[watch]
    return -float(perplexity)


def best_epoch(qualities: Sequence[float]) -> int:
    """Return the first epoch, from 0, with the highest number of :func:`quality`.

    >>> best_epoch([10.0, 30.0, 20.0, 30.0])
    1
    """
    return max(range(len(qualities)), key=lambda i: qualities[i])


def is_telling(key: str, record: Mapping[str, Any], watch: str | None) -> bool:
    """Return whether a score of the journal is worth showing: there is one, and it is no BLEU near zero.

    That BLEU says nothing where another score decides, as of short targets or of answers that have no one right form.
    Where BLEU decides, it is shown whatever it is.

    Arguments:
        key: of the score in the record.
        record: of an epoch.
        watch: the name of the score that decides, if it is known.

    >>> is_telling(BLEU, {BLEU: 0.0}, PERPLEXITY), is_telling(BLEU, {BLEU: 0.0}, BLEU), is_telling(CHRF, {}, BLEU)
    (False, True, False)
    """
    value = record.get(key)
    if value is None:
        return False
    return key != BLEU or watch in (None, BLEU) or value >= _FLOORS[BLEU]


def learned_little(records: Sequence[Mapping[str, Any]], watch: str, vocabulary: int) -> str:
    """Return a warning if the best epoch of a run learned next to nothing, and nothing otherwise.

    Arguments:
        records: of the journal, one for each epoch.
        watch: the name of the score that decides.
        vocabulary: number of target pieces. A model that knows nothing has about this perplexity.
    """
    if not records:
        return ""
    best = max(records, key=lambda record: quality(record, watch))
    score, perplexity = best.get(watch), best.get(PERPLEXITY)
    little = (
        perplexity is None or perplexity > vocabulary / 4
        if watch == PERPLEXITY
        else score is None or score < _NEXT_TO_NOTHING[watch]
    )
    if not little:
        return ""
    shown = [key for key in (BLEU, CHRF, PERPLEXITY) if is_telling(key, best, watch)]
    known = [f"{NAMES[key]} {best[key]:,.2f}" for key in shown]
    return (
        f"Warning: the model learned next to nothing. The scores of its best epoch on the development set: "
        f"{', '.join(known) or 'none that is a number'}. It may need more epochs or more pairs, and `nmt data` looks "
        "for faults in the pairs."
    )
