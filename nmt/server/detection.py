"""Which of the served languages a text is in.

`py3langid <https://github.com/adbar/py3langid>`_ knows 140 languages by their bytes. It gives each language i a
probability ``p_i``, as if all ``K`` were equally usual. Here half of all texts are thought to be in one of the ``S``
served languages, and the other half in one of the others, so that a language has the probability

    c_i = (p_i / 2S) / (sum_served p_j / 2S + sum_others p_j / 2(K - S)).

A text in a language that is not served thus gets a low confidence in every served one, and does not become the most
similar of them for certain. Measured: see docs/measured.md.

A classifier of ``nmt train --labels`` whose labels are codes can take its place: see :func:`open_detector`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from nmt.data.labels import Labels
from nmt.errors import InputError
from nmt.model_folder import read_config

# From a text and the codes of some languages to how likely it is in each.
Detector = Callable[[str, Sequence[str]], dict[str, float]]

# More of a text does not change the answer.
_READ = 4000
# py3langid says "no" of both written forms of Norwegian.
_CODES = {"nb": "no"}
_LOADING = threading.Lock()


def probabilities(text: str, languages: Sequence[str]) -> dict[str, float]:
    """Return how likely it is that a text is in each of some languages; together they may be far from 1.

    Arguments:
        text: with some letters.
        languages: codes of ISO 639, such as ``ko`` or ``zh_Hant``. One that is unknown to py3langid is left out.

    >>> found = probabilities("Ein kleines Mädchen klettert in ein Spielhaus aus Holz.", ["en", "de"])
    >>> max(found, key=found.get), found["de"] > 0.99
    ('de', True)
    >>> max(probabilities("Une petite fille grimpe dans une maison en bois.", ["en", "de"]).values()) < 0.1
    True
    """
    with _LOADING:
        identifier = _identifier()
    given = dict(identifier.rank(text[:_READ]))
    known = {code: base for code in languages if (base := _base(code)) in given}
    served = {base: given[base] for base in known.values()}
    others = [share for code, share in given.items() if code not in served]
    weight = 1 / max(len(served), 1)
    whole = sum(served.values()) * weight + sum(others) / max(len(others), 1)
    return {code: served[base] * weight / whole for code, base in known.items()}


def _base(code: str) -> str:
    base = code.partition("_")[0]
    return _CODES.get(base, base)


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def check_detector(folder: Path, languages: Collection[str]) -> None:
    """Check that a folder holds a classifier whose labels name these languages.

    Raises:
        InputError: if it does not.
    """
    architecture = read_config(folder).model.architecture
    if architecture != "classifier":
        raise InputError(
            f"--detector {folder} must be a classifier of languages, as nmt train --labels makes it. Its "
            f"model.architecture is '{architecture}'."
        )
    labels = Labels.load(folder).names
    for code in languages:
        if code not in labels and _base(code) not in labels:
            raise InputError(
                f"--detector {folder} has no label '{code}', the code of a language that is served. It has: "
                f"{', '.join(labels[:20])}{' …' if len(labels) > 20 else ''}."
            )


def open_detector(folder: Path) -> Detector:
    """Open a classifier of languages: the share of a language is the probability of its label.

    What the model gives to languages that are not served stays with them, so a text in one of these has a low
    confidence in every served one.
    """
    from nmt.inference.labeller import Labeller

    labeller = Labeller.load(folder)

    def detect(text: str, languages: Sequence[str]) -> dict[str, float]:
        (found,) = labeller.classify([text[:_READ]])
        given = found.probabilities
        return {code: given[code] if code in given else given.get(_base(code), 0.0) for code in languages}

    return detect
