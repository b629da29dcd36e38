"""BLEU and chrF by sacreBLEU, each with the signature that says how it was computed.

Papineni et al. 2002, https://aclanthology.org/P02-1040; Popović 2015, https://aclanthology.org/W15-3049; Post 2018, *A
Call for Clarity in Reporting BLEU Scores*, https://aclanthology.org/W18-6319.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import sacrebleu


@dataclass(frozen=True)
class Scores:
    """Corpus scores between 0 and 100. A score without its signature means nothing.

    >>> score(["I ate rice today ."], ["I ate rice today ."]).bleu
    100.0
    """

    bleu: float
    bleu_signature: str
    chrf: float
    chrf_signature: str
    sentences: int

    def __str__(self) -> str:
        return f"BLEU {self.bleu:.2f}  {self.bleu_signature}\nchrF {self.chrf:.2f}  {self.chrf_signature}"


def score(hypotheses: Sequence[str], references: Sequence[str]) -> Scores:
    """Score translations against one reference each, cased, with sacreBLEU's tokenizer 13a, in Unicode's form NFC.

    Raises:
        ValueError: if there are no sentences, or their numbers differ.
    """
    if not hypotheses or len(hypotheses) != len(references):
        raise ValueError(f"{len(hypotheses)} translations cannot be scored against {len(references)} references.")
    hypotheses, references = composed(hypotheses), composed(references)
    bleu, chrf = sacrebleu.BLEU(), sacrebleu.CHRF()
    bleu_score = bleu.corpus_score(hypotheses, [references]).score
    chrf_score = chrf.corpus_score(hypotheses, [references]).score
    return Scores(
        bleu=round(bleu_score, 10),
        bleu_signature=str(bleu.get_signature()),
        chrf=round(chrf_score, 10),
        chrf_signature=str(chrf.get_signature()),
        sentences=len(hypotheses),
    )


def composed(texts: Sequence[str]) -> list[str]:
    """Return texts in Unicode's form NFC: what looks the same must count as the same.

    >>> composed(["e\\u0301"]) == ["\\u00e9"]
    True
    """
    return [unicodedata.normalize("NFC", text) for text in texts]
