"""The languages of the models that are served, by their codes: their names, scripts, and which leads to which."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from nmt.documents.sentences import script_of
from nmt.errors import InputError
from nmt.server.detection import Detector, probabilities

# A code of ISO 639, perhaps with a script or a country.
CODE = r"[a-z]{2,3}(?:_[A-Za-z]{2,8})*"
_DIRECTION = re.compile(rf"({CODE})-({CODE})")

# Names in English, and the script if it is not Latin.
_KNOWN = {
    "ar": ("Arabic", "Arabic"), "az": ("Azerbaijani", "Latin"), "be": ("Belarusian", "Cyrillic"),
    "bg": ("Bulgarian", "Cyrillic"), "bn": ("Bengali", "Bengali"), "ca": ("Catalan", "Latin"),
    "cs": ("Czech", "Latin"), "da": ("Danish", "Latin"), "de": ("German", "Latin"), "el": ("Greek", "Greek"),
    "en": ("English", "Latin"), "eo": ("Esperanto", "Latin"), "es": ("Spanish", "Latin"), "et": ("Estonian", "Latin"),
    "eu": ("Basque", "Latin"), "fa": ("Persian", "Arabic"), "fi": ("Finnish", "Latin"), "fr": ("French", "Latin"),
    "ga": ("Irish", "Latin"), "gl": ("Galician", "Latin"), "gu": ("Gujarati", "Gujarati"), "he": ("Hebrew", "Hebrew"),
    "hi": ("Hindi", "Devanagari"), "hr": ("Croatian", "Latin"), "hu": ("Hungarian", "Latin"),
    "hy": ("Armenian", "Armenian"), "id": ("Indonesian", "Latin"), "is": ("Icelandic", "Latin"),
    "it": ("Italian", "Latin"), "ja": ("Japanese", "Kana"), "ka": ("Georgian", "Georgian"),
    "kk": ("Kazakh", "Cyrillic"), "km": ("Khmer", "Khmer"), "ko": ("Korean", "Hangul"), "la": ("Latin", "Latin"),
    "lo": ("Lao", "Lao"), "lt": ("Lithuanian", "Latin"), "lv": ("Latvian", "Latin"), "mk": ("Macedonian", "Cyrillic"),
    "mn": ("Mongolian", "Cyrillic"), "mr": ("Marathi", "Devanagari"), "ms": ("Malay", "Latin"),
    "my": ("Burmese", "Myanmar"), "nb": ("Norwegian", "Latin"), "ne": ("Nepali", "Devanagari"),
    "nl": ("Dutch", "Latin"), "pl": ("Polish", "Latin"), "pt": ("Portuguese", "Latin"), "ro": ("Romanian", "Latin"),
    "ru": ("Russian", "Cyrillic"), "sk": ("Slovak", "Latin"), "sl": ("Slovenian", "Latin"), "sq": ("Albanian", "Latin"),
    "sr": ("Serbian", "Cyrillic"), "sv": ("Swedish", "Latin"), "sw": ("Swahili", "Latin"), "ta": ("Tamil", "Tamil"),
    "te": ("Telugu", "Telugu"), "th": ("Thai", "Thai"), "tl": ("Tagalog", "Latin"), "tr": ("Turkish", "Latin"),
    "uk": ("Ukrainian", "Cyrillic"), "ur": ("Urdu", "Arabic"), "vi": ("Vietnamese", "Latin"), "zh": ("Chinese", "Han"),
}  # fmt: skip


def language_name(code: str) -> str:
    """Return the name of a language in English, or its code.

    >>> language_name("ko"), language_name("zh_Hant"), language_name("xx")
    ('Korean', 'Chinese (Hant)', 'xx')
    """
    base, _, rest = code.partition("_")
    name = _KNOWN.get(base, (code, ""))[0]
    return f"{name} ({rest})" if rest and base in _KNOWN else name


class Direction(NamedTuple):
    """From which language into which."""

    source: str
    target: str


def direction(text: str) -> Direction | None:
    """Read a direction as ``ko-en``; ``None`` if it is none.

    >>> direction("ko-en"), direction("my-model")
    (Direction(source='ko', target='en'), None)
    """
    found = _DIRECTION.fullmatch(text)
    # A folder may have a name with a hyphen that names no languages.
    known = found and all(code.partition("_")[0] in _KNOWN for code in found.groups())
    return Direction(found[1], found[2]) if found and known else None


class Detected(NamedTuple):
    """A language that a text may be in, and how sure that is, in per cent."""

    language: str
    confidence: float


class Languages:
    """The directions that are served, and the names of their models.

    Arguments:
        models: the name of the model of each direction.
        pivot: the language through which others are translated if there is no model for them; empty for none.
        detector: says how likely a text is in each of some languages; by default py3langid does.

    Raises:
        InputError: if no model leads to the pivot and from it.
    """

    def __init__(self, models: dict[Direction, str], pivot: str = "", detector: Detector = probabilities) -> None:
        self.models, self.pivot, self.detector = models, pivot, detector
        into, out_of = (any(each[side] == pivot for each in models) for side in (1, 0))
        if pivot and not (into and out_of):
            raise InputError(
                f"--pivot {pivot} needs a model into '{pivot}' and one from it, as xx-{pivot}=M {pivot}-yy=N."
            )

    def sources(self) -> list[str]:
        """Return the languages that are translated, in the order in which their models were named."""
        return list(dict.fromkeys(each.source for each in self.models))

    def codes(self) -> list[str]:
        """Return every language, those that are translated first."""
        return list(dict.fromkeys([*self.sources(), *(each.target for each in self.models)]))

    def targets(self, source: str) -> list[str]:
        """Return the languages into which one is translated: by a model, then through the pivot."""
        return [code for code in self.codes() if code != source and self.route(source, code)]

    def source_of(self, model: str) -> str:
        """Return the language that a model reads."""
        return next(each.source for each, name in self.models.items() if name == model)

    def route(self, source: str, target: str) -> list[str]:
        """Return the names of the models that lead from one language to another, one or two; none if nothing does."""
        if name := self.models.get(Direction(source, target)):
            return [name]
        steps = [self.models.get(Direction(source, self.pivot)), self.models.get(Direction(self.pivot, target))]
        return [step for step in steps if step] if self.pivot and source != target and all(steps) else []

    def detect(self, text: str) -> list[Detected]:
        """Return the languages that a text may be in, the likeliest first: see :mod:`nmt.server.detection`.

        A language is none of them if it is written in another script. No language is sure if a text has no letters.
        """
        script = script_of(text)
        fitting = [code for code in self.codes() if script in _scripts(code)]
        if not fitting:
            return [Detected(code, 0.0) for code in self.codes()]
        known = self.detector(text, self.codes())
        found = [Detected(code, round(100 * known.get(code, 0.0), 1)) for code in fitting]
        return sorted(found, key=lambda each: -each.confidence)


def _scripts(code: str) -> Iterable[str]:
    script = _KNOWN.get(code.partition("_")[0], ("", "Latin"))[1]
    return ("Kana", "Han") if script == "Kana" else (script,)
