"""BLEU and chrF by sacreBLEU, each with the signature that says how it was computed.

Papineni et al. 2002, https://aclanthology.org/P02-1040; Popović 2015, https://aclanthology.org/W15-3049; Post 2018, *A
Call for Clarity in Reporting BLEU Scores*, https://aclanthology.org/W18-6319.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sacrebleu

from nmt.evaluation import scripts

# Sentences that are looked at to choose a tokenizer.
_SAMPLE = 2000
# The longest runs of words that BLEU counts.
_RUN = 4
# In tokenized text at least the first share of full stops has a space before it, and the second share of sentences
# ends so.
_MOSTLY, _SOME = 0.9, 0.1
# A sentence without spaces that has more characters than this is hardly one word.
_LONG_WORD = 12


@dataclass(frozen=True)
class Scores:
    """Corpus scores between 0 and 100. A score without its signature means nothing.

    Attributes:
        bleu, chrf: the scores, with ``bleu_signature`` and ``chrf_signature``.
        sentences: their number.
        bleu_fails: why BLEU says little about these references, or nothing if it does.
        character_bleu: BLEU over characters, with ``character_bleu_signature``; only where BLEU says little.

    >>> score(["I ate rice today."], ["I ate rice today."]).bleu
    100.0
    """

    bleu: float
    bleu_signature: str
    chrf: float
    chrf_signature: str
    sentences: int
    bleu_fails: str = ""
    character_bleu: float | None = None
    character_bleu_signature: str = ""

    @property
    def telling(self) -> tuple[str, float, str]:
        """The name, the value and the signature of the score to judge by: BLEU, or chrF where BLEU says little."""
        if self.bleu_fails:
            return "chrF", self.chrf, self.chrf_signature
        return "BLEU", self.bleu, self.bleu_signature

    def __str__(self) -> str:
        lines = [f"BLEU {self.bleu:.2f}  {self.bleu_signature}", f"chrF {self.chrf:.2f}  {self.chrf_signature}"]
        if self.character_bleu is not None:
            lines += [
                f"BLEU of characters {self.character_bleu:.2f}  {self.character_bleu_signature}",
                f"BLEU says little here, because {self.bleu_fails}: it counts runs of {_RUN} words. "
                "Judge by chrF or by the BLEU of characters.",
            ]
        return "\n".join(lines)


def score(hypotheses: Sequence[str], references: Sequence[str]) -> Scores:
    """Score translations against one reference each, cased, with the tokenizer of :func:`choose_tokenizer`, in NFC.

    Raises:
        ValueError: if there are no sentences, or their numbers differ.
    """
    if not hypotheses or len(hypotheses) != len(references):
        raise ValueError(f"{len(hypotheses)} translations cannot be scored against {len(references)} references.")
    hypotheses, references = composed(hypotheses), composed(references)
    bleu, chrf = bleu_metric(choose_tokenizer(references)), sacrebleu.CHRF()
    bleu_score = bleu.corpus_score(hypotheses, [references]).score
    chrf_score = chrf.corpus_score(hypotheses, [references]).score
    fails = why_bleu_fails(references)
    characters = bleu_metric("char")
    return Scores(
        bleu=round(bleu_score, 10),
        bleu_signature=str(bleu.get_signature()),
        chrf=round(chrf_score, 10),
        chrf_signature=str(chrf.get_signature()),
        sentences=len(hypotheses),
        bleu_fails=fails,
        character_bleu=round(characters.corpus_score(hypotheses, [references]).score, 10) if fails else None,
        character_bleu_signature=str(characters.get_signature()) if fails else "",
    )


def choose_tokenizer(references: Sequence[str]) -> str:
    """Return the tokenizer of sacreBLEU for these sentences.

    It is ``zh`` for Chinese, ``char`` for other scripts that put no spaces between words, ``none`` for sentences that
    are tokenized already, and otherwise ``13a``.

    >>> choose_tokenizer(["I ate rice"]), choose_tokenizer(["我吃了饭"]), choose_tokenizer(["ご飯を食べた"])
    ('13a', 'zh', 'char')
    >>> choose_tokenizer(["i ate rice ."])
    'none'
    """
    counted = scripts.census([*references[:_SAMPLE], ""]).classes.sum(0)[-len(scripts.SCRIPTS) :]
    main = scripts.expected(dict(zip(scripts.SCRIPTS, counted.tolist(), strict=True)))
    if main == ("Han",):
        return "zh"
    if set(main) & set(scripts.SPACELESS):
        return "char"
    return "none" if _tokenized(references) else "13a"


def _tokenized(references: Sequence[str]) -> bool:
    """Return whether a full stop is a token of its own wherever a sentence ends with one.

    French puts a space before other marks, too, but not before a full stop.
    """
    sample = references[:_SAMPLE]
    ends = [text.rstrip()[-2:] for text in sample if text.rstrip().endswith(".")]
    apart = sum(end == " ." for end in ends)
    return apart > 0 and apart >= max(_MOSTLY * len(ends), _SOME * len(sample))


def bleu_metric(tokenizer: str) -> sacrebleu.BLEU:
    """Return sacreBLEU's BLEU, which does not warn of tokenized text where the tokenizer is ``none``."""
    return sacrebleu.BLEU(tokenize=tokenizer, force=tokenizer == "none")


def bleu_signature(tokenizer: str) -> str:
    """Return the signature of :func:`score`'s BLEU with a tokenizer."""
    bleu = bleu_metric(tokenizer)
    bleu.corpus_score(["a"], [["a"]])  # the number of references is part of it
    return str(bleu.get_signature())


def why_bleu_fails(references: Sequence[str]) -> str:
    """Return why BLEU says little about these sentences, half a sentence, or nothing if it does say something.

    It is 0 where no sentence has four words, whatever a translation is worth, and rests on few sentences where most
    have fewer.

    >>> why_bleu_fails(["I ate rice today"]), why_bleu_fails(["Iatericetoday."])
    ('', 'half of the references have no spaces')
    """
    sample = [text for text in references[:_SAMPLE] if text.strip()]
    tokenizer = choose_tokenizer(sample)
    if not sample:
        return ""
    split = bleu_metric(tokenizer).tokenizer
    if np.median([len(split(text).split()) for text in sample]) >= _RUN:
        return ""
    spaces = np.median([text.strip().count(" ") for text in sample])
    if not spaces and np.median([len(text) for text in sample]) > _LONG_WORD:
        return "half of the references have no spaces"
    return "half of the references have fewer than four words"


def composed(texts: Sequence[str]) -> list[str]:
    """Return texts in Unicode's form NFC: what looks the same must count as the same.

    >>> composed(["e\\u0301"]) == ["\\u00e9"]
    True
    """
    return [unicodedata.normalize("NFC", text) for text in texts]
