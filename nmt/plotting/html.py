"""Pages for the browser: each is one file with its own style, script and font, and loads nothing else."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from nmt.evaluation.alignment import WordAlignment
from nmt.plotting.fonts import hangul_subset

_SPACES = dict.fromkeys(map(ord, "\t\n\v\f\r\x85"), " ")
_HANGUL_RANGE = "U+1100-11FF, U+3130-318F, U+A960-A97F, U+AC00-D7FF"


def _without_controls(value: Any) -> Any:
    """Replace what HTML must not contain: control characters and halves of surrogate pairs. White space is a space.

    >>> _without_controls("a\\x00b\\tc")
    'a�b c'
    """
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    spaced = value.translate(_SPACES)
    return "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in ("Cc", "Cs") else c for c in spaced)


# Every value that a template prints goes through `finalize`, then is escaped.
_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.PackageLoader("nmt.plotting"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    finalize=_without_controls,
    trim_blocks=True,
    lstrip_blocks=True,
)


def file_page(kind: str, title: str, scripts: Sequence[str] = (), **values: Any) -> str:
    """Return a page that is opened as a file.

    Its policy makes the browser run only its own script and load nothing. Every text in it is escaped.

    Arguments:
        kind: the name of its template, and the class of its body.
        title: of the page.
        scripts: the names of its scripts, in the order in which they run.
        values: what the template shows.
    """
    main = _rendered(f"{kind}.html", title=title, **values)
    policy = "default-src 'none'; style-src 'unsafe-inline'; font-src data:"
    code = "".join(map(read, scripts))
    if code:
        policy += f"; script-src '{policy_hash(code)}'"
    return _rendered(
        "base.html",
        kind=kind,
        title=title,
        policy=Markup(policy),
        style=Markup(_embedded_hangul(main) + read("style.css")),
        main=main,
        data=None,
        script=Markup(code),
    )


def served_page(
    kind: str, title: str, scripts: Sequence[str], data: dict[str, Any], *, before: str = "", **values: Any
) -> tuple[str, str]:
    """Return a page that a server sends, and the policy that must be sent with it.

    Arguments:
        kind: the name of its template, and the class of its body.
        title: of the page.
        scripts: the names of its scripts, in the order in which they run.
        data: what they read, as JSON.
        before: a script that they use, which runs before them.
        values: what the template shows.
    """
    style, code = font_face("hangul.ttf") + read("style.css"), before + "".join(map(read, scripts))
    html = _rendered(
        "base.html",
        kind=kind,
        title=title,
        policy=None,
        style=Markup(style),
        main=_rendered(f"{kind}.html", **values),
        data=data,
        script=Markup(code),
    )
    policy = [
        "default-src 'none'",
        f"style-src '{policy_hash(style)}'",
        f"script-src '{policy_hash(code)}'",
        "connect-src 'self'",
        "font-src 'self'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
    return html, "; ".join(policy)


def web_page(
    title: str,
    *,
    client: str,
    contents: Mapping[str, Any],
    embedded: Mapping[str, str] | None,
    letters: Iterable[str],
    card: str,
) -> str:
    """Return the page of a translator that runs in the browser.

    Arguments:
        title: of the page.
        client: the script that starts the translator.
        contents: what is known of the model.
        embedded: the files that the page holds, packed, by name; ``None`` if they are beside it.
        letters: those that a translation may have: the page brings the Hangul among them.
        card: the text of the model's card.
    """
    words = json.loads(read("web_words.json"))
    languages = contents["languages"] or ("", "")
    code = client + "".join(map(read, ["links.js", "weights.js", "web.js"]))
    policy = [
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "font-src data:",
        "img-src data:",
        f"script-src '{policy_hash(code)}' 'wasm-unsafe-eval'",
        "worker-src blob:",
        "base-uri 'none'",
        "form-action 'none'",
        *(["connect-src 'self'"] if embedded is None else []),
    ]
    main = _rendered(
        "web.html",
        name=contents["name"],
        say=words["en"],
        languages=languages,
        card=card.rstrip("\n").split("\n"),
        embedded=[(name, Markup(packed)) for name, packed in (embedded or {}).items()],
    )
    return _rendered(
        "base.html",
        kind="server web",
        title=title,
        policy=Markup("; ".join(policy)),
        style=Markup(_embedded_hangul("".join(letters) + json.dumps(words, ensure_ascii=False)) + read("style.css")),
        main=main,
        data={"contents": contents, "words": words, "languages": languages},
        module=True,
        script=Markup(code),
    )


def alignment_page(
    alignments: Sequence[tuple[str, WordAlignment, float | None]],
    title: str = "Alignment of each word",
    languages: tuple[str, str] = ("", ""),
    linker: str = "",
) -> str:
    """Return a page of HTML that shows alignments, each as words with lines between them and as a table.

    Pointing at a word, or going to it with the Tab and arrow keys, highlights its lines, its
    cells and their percentages.

    Arguments:
        alignments: a heading, such as the source, an alignment with weights ``(target words, source words)``, and the
            log-probability of the translation or ``None``.
        title: of the page.
        languages: of the source and the target, such as ``("ko", "en")``; empty if they are unknown. A browser chooses
            the font by them, and a screen reader the voice.
        linker: what found the weights, as "the alignment head", if they are links; without it they are what a decoder
            attends to. The page says which.

    >>> made = alignment_page([("na", WordAlignment(("na",), ("<I>",), np.array([[0.9]])), -0.1)])
    >>> "&lt;I&gt;" in made, "<I>" in made
    (True, False)
    """
    sections = []
    for heading, alignment, score in alignments:
        weights = np.clip(np.nan_to_num(alignment.weights), 0, 1)
        alignment = dataclasses.replace(alignment, weights=weights)
        labels = spoken_labels(alignment, bool(linker))
        sections.append(
            {
                "heading": heading,
                "score": score,
                "source": list(zip(alignment.source, labels[0], strict=True)),
                "target": list(zip(alignment.target, labels[1], strict=True)),
                "weights": weights.tolist(),
                # Some target word also attends to the end of the source.
                "ended": bool((weights.sum(1) < 0.995).any()) if weights.size else False,
            }
        )
    return file_page(
        "alignment", title, ["links.js", "alignment.js"], sections=sections, languages=languages, linker=linker
    )


# What a source word is said to be, and a target word: with links, with attention, and where it is not known which.
_VERBS = {
    True: ("is linked to", "is linked to"),
    False: ("is attended to by", "attends to"),
    None: ("is aligned with", "is aligned with"),
}


def spoken_labels(alignment: WordAlignment, linked: bool | None = False) -> tuple[list[str], list[str]]:
    """Return a label for screen readers for each source and each target word: its three largest weights.

    Arguments:
        alignment: of the words.
        linked: whether the weights are links, and not what a decoder attends to; ``None`` if that is not known.

    >>> spoken_labels(WordAlignment(("na", "bap"), ("I",), np.array([[0.9, 0.002]])))
    (['na is attended to by I 90 %', 'bap is attended to by nothing'], ['I attends to na 90 %'])
    """
    source, target, weights = alignment.source, alignment.target, alignment.weights
    of_source, of_target = _VERBS[linked]
    return _labels(source, target, weights.T, of_source), _labels(target, source, weights, of_target)


def _labels(words: Sequence[str], others: Sequence[str], weights: np.ndarray, verb: str) -> list[str]:
    found = []
    for word, row in zip(words, weights, strict=True):
        most = [i for i in np.argsort(-row, kind="stable")[:3] if row[i] >= 0.01]
        names = ", ".join(f"{others[i]} {100 * row[i]:.0f} %" for i in most) or "nothing"
        found.append(f"{word} {verb} {names}")
    return found


def font_face(source: str) -> str:
    """Return the style that takes Hangul from this font, for a machine that has none."""
    return (
        f'@font-face {{ font-family: "nmt Hangul"; font-display: block; unicode-range: {_HANGUL_RANGE}; '
        f"src: url({source}); }}\n"
    )


def _embedded_hangul(text: str) -> str:
    """Return a style that embeds the Hangul letters of a text."""
    letters = {letter for letter in text if unicodedata.name(letter, "").startswith("HANGUL")}
    font = hangul_subset(letters) if letters else None
    return font_face(f"data:font/woff;base64,{base64.b64encode(font).decode()}") if font else ""


def read(name: str) -> str:
    """Return the text of a file beside the templates."""
    return resources.files("nmt.plotting").joinpath("templates", name).read_text(encoding="utf-8")


def policy_hash(text: str) -> str:
    """Return the hash by which a policy allows a style or a script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _rendered(template: str, **values: Any) -> Markup:
    return Markup(_ENVIRONMENT.get_template(template).render(**values))
