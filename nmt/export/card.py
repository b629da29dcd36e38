"""The card of an export: what to know about a model before using it."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING

from nmt.checksums import digest
from nmt.config import LABELLING, Config, beam_size, to_toml
from nmt.errors import InputError
from nmt.evaluation.judge import ACCURACY, BLEU, CHRF, F1, NAMES, PERPLEXITY, is_telling, quality
from nmt.evaluation.scores import bleu_signature
from nmt.model_folder import WEIGHTS, corrected_weights, read_journal

if TYPE_CHECKING:
    from nmt.export.web_check import Checked

# What a model of features is called here, whatever its architecture.
CAPTIONS = "captions"

_SAVED_MODEL = """\
Ask it from Python, here in this folder; elsewhere, write its path instead of the dot:

```sh
pip install {packages}
```

```python
{imports}import tensorflow as tf
import tensorflow_text  # registers the operations of SentencePiece; without it: "Op type not registered"

model = tf.saved_model.load(".")  # keep it: the signatures work only as long as it lives
{python}
```

{more}
"""

_DEVICE = """\
Ask it, here in this folder:

```sh
pip install {packages}
{shell}
```

```python
{python}
```
"""


@dataclass(frozen=True)
class _Usage:
    """How one kind of model is asked: a SavedModel in Python, what else that has, a device in a shell and in Python."""

    saved_model: str
    more: str
    shell: str
    device: str


_TRANSLATOR = _Usage(
    """\
answer = model.signatures["serving_default"](text=tf.constant(["first sentence", "second sentence"]))
print([each.decode() for each in answer["translation"].numpy()], answer["score"].numpy())""",
    """\
`source_truncated` and `unfinished` tell what was cut. The signature `translate` also gives the pieces and the
alignment.""",
    'echo "first sentence" | python translate.py',
    """\
from translate import Translator

print(Translator(".").translate(["first sentence"])[0].text)""",
)
_LANGUAGE_MODEL = _Usage(
    """\
begun = tf.constant(["a first beginning", "another"])
likeliest = model.signatures["serving_default"](text=begun)
drawn = model.signatures["sample"](text=begun, seed=tf.constant([7, 7], tf.int64))  # another seed draws another text
print([each.decode() for each in drawn["completion"].numpy()], drawn["score"].numpy())""",
    "The signature `score` gives the log-probability of texts and the number of their pieces.",
    'echo "a first beginning" | python complete.py --sample --seed 7',
    """\
from complete import Completer

print(Completer(".").complete(["a first beginning"])[0].text)""",
)
_CLASSIFIER = _Usage(
    """\
answer = model.signatures["serving_default"](text=tf.constant(["first text", "second text"]))
print({name: value.numpy() for name, value in answer.items()})""",
    "The signature `classify` also gives the probabilities of all labels, and the weight of each token.",
    'echo "first text" | python label.py --json',
    """\
from label import Labeller

print(Labeller(".").label(["first text"])[0].labels)""",
)
_TAGGER = replace(_CLASSIFIER, more="The signature `tag` also gives the probabilities of all labels.")
_CAPTIONS = _Usage(
    """\
_, inputs = model.signatures["serving_default"].structured_input_signature
pictures = np.zeros([2, *inputs["features"].shape[1:]], np.float32)  # your own: examples, cells, numbers of a cell
answer = model.signatures["serving_default"](features=tf.constant(pictures))
print([each.decode() for each in answer["caption"].numpy()], answer["score"].numpy())""",
    """\
`unfinished` tells which captions were cut; an example with a number that is not finite has none. The signature
`caption` also gives the pieces and the weight of each cell for each piece, the cells in the order of the input.""",
    "python caption.py pictures.npy --json",
    """\
import numpy as np
from caption import Captioner

captioner = Captioner(".")
pictures = np.zeros([2, captioner.cells, captioner.width], np.float32)  # your own
print([each.text for each in captioner.caption(pictures)])""",
)
_USAGES = {
    "language-model": _LANGUAGE_MODEL,
    "classifier": _CLASSIFIER,
    "tagger": _TAGGER,
    CAPTIONS: _CAPTIONS,
}

_SINGLE = "Open the file in a browser: it needs no server, no network and no account.\n"
_FOLDER = """\
Put the folder on any static host, or try it on this machine: `python -m http.server 8000`. For pages of your own:

```js
import { Translator } from "./translate.mjs";
const translator = await Translator.load();
const { text, parts } = await translator.translate("first sentence");
console.log(text, parts[0].translations[0].wordWeights);
translator.close();
```
"""


def saved_model_lines(kind: str = "recurrent") -> str:
    """Return the part of a card that says how to open a SavedModel, with the versions it was written with.

    Arguments:
        kind: the architecture, or ``captions`` for a model of features.
    """
    usage = _USAGES.get(kind, _TRANSLATOR)
    packages = _pinned("tensorflow", "tensorflow-text")
    imports = "import numpy as np\n" if "np." in usage.saved_model else ""
    return _SAVED_MODEL.format(packages=packages, imports=imports, python=usage.saved_model, more=usage.more)


def device_lines(strings: bool, kind: str = "recurrent") -> str:
    """Return the part of a card that says how to run an export for a device, one of strings or of ids."""
    usage = _USAGES.get(kind, _TRANSLATOR)
    packages = _pinned("tensorflow-text") if strings else _pinned("ai-edge-litert", "sentencepiece")
    return _DEVICE.format(packages=packages, shell=usage.shell, python=usage.device)


def _pinned(*packages: str) -> str:
    return " ".join(f'"{each}=={installed(each)}"' for each in packages)


def web_lines(*, size: int, quality: str, checked: Checked, single: bool) -> str:
    """Return the part of a card that says how good a page's model is, how it was checked, and how to open it.

    Arguments:
        size: of the TFLite model, in bytes.
        quality: a line on its score.
        checked: what the comparison with the model found.
        single: whether it is one file.
    """
    how = _SINGLE if single else _FOLDER
    return (
        f"The TFLite model has {size / 1e6:.1f} MB. {quality}.\n\n"
        f"Before it was written, every signature ran in the interpreter of this machine: {checked.equal} of "
        f"{checked.compared} texts had the model's own translation, and the log-probability of a piece changed by "
        f"{-checked.loss:+.4f} in the mean of the signature that differs most.\n\n{how}"
    )


def card(
    model: Path,
    names: list[str],
    config: Config,
    *,
    pieces: tuple[int, int],
    languages: str | None,
    what: str,
    lines: str = "",
) -> str:
    """Return the card as Markdown.

    Arguments:
        model: the folder of the model, whose journal holds its scores.
        names: of the model, and of the others of its ensemble.
        config: its configuration, with the search of the export.
        pieces: the sizes of the source's and the target's vocabulary.
        languages: as in ``ko-en``; the model's folder does not hold them.
        what: the kind of export, as in ``SavedModel, version 3``.
        lines: how to open it, see :func:`saved_model_lines`.
    """
    how = config.decoding
    beam = beam_size(how)
    language_model = config.model.architecture == "language-model"
    labels = config.model.architecture in LABELLING
    drawn = ""
    if language_model:
        drawn = f", or sampling at temperature {how.temperature:g}, top_k {how.top_k or 'all'}, top_p {how.top_p:g}"
    features = config.model.source == "features"
    network = {
        "recurrent": f"recurrent, attention {config.model.attention}",
        "language-model": f"language-model, decoder {config.model.decoder}",
        "classifier": f"classifier, encoder {config.model.encoder}, pooling {config.model.pooling}",
        "tagger": f"tagger, encoder {config.model.encoder}",
    }
    search = "greedy search" if beam == 1 else f"beam of {beam}, length penalty {how.length_penalty:g}"
    if features:
        attention = "" if config.model.architecture == "transformer" else f", attention {config.model.attention}"
        network[config.model.architecture] = f"{config.model.architecture} decoder of features{attention}"
    joint = f"{pieces[0]:,} pieces" + ("" if config.text.joint else f" of the source, {pieces[1]:,} of the target")
    rows = {
        "what": what,
        **(
            {}
            if (language_model or labels or features) and not languages
            else {"languages": languages or "unknown; set them with `nmt export --languages ko-en`"}
        ),
        **({"ensemble": f"{', '.join(names)}; the lines below describe the first"} if len(names) > 1 else {}),
        "network": network.get(config.model.architecture, config.model.architecture),
        "vocabulary": f"{config.text.kind}, {joint}",
        "quality": _perplexity(model)
        if language_model
        else _labels_quality(model)
        if labels
        else _quality(model, config.training.watch),
        **(
            {"reads": f"at most {how.max_length} pieces"}
            if labels
            else {
                "reads": f"{config.model.source_cells} cells of {config.model.source_width} numbers",
                "search": f"{search}; at most {how.max_length} pieces are written",
            }
            if features
            else {"search": f"{search}{drawn}; at most {how.max_length} pieces are read and written"}
        ),
        "made": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}, nmt {installed('nmt')}",
    }
    listed = "\n".join(f"- **{name}**: {value}" for name, value in rows.items())
    usage = f"{lines}\n" if lines else ""
    return f"# {names[0]}\n\n{listed}\n\n{usage}```toml\n{to_toml(config)}```\n"


_UNKNOWN = "unknown: the model's folder has no record of a development set"


def _perplexity(model: Path) -> str:
    """Return the perplexity of the kept epoch of a language model on the development set."""
    try:
        found = [record[PERPLEXITY] for record in read_journal(model) if record.get(PERPLEXITY) is not None]
    except InputError:
        found = []
    return f"perplexity {min(found):.2f} of a piece of the development set" if found else _UNKNOWN


def _labels_quality(model: Path) -> str:
    """Return the scores of the kept epoch of a classifier or a tagger on the development set."""
    try:
        records = [record for record in read_journal(model) if record.get(F1) is not None]
    except InputError:
        records = []
    if not records:
        return _UNKNOWN
    kept = max(records, key=lambda record: quality(record, record.get("watch", F1)))
    return f"accuracy {kept.get(ACCURACY, 0):.2%}, macro F1 {100 * kept[F1]:.2f} of the development set"


def _since(model: Path) -> str:
    """Return what has become of the weights of the kept epoch."""
    try:
        known = corrected_weights(model)
    except InputError:  # damaged, which is said by `nmt correct` and keeps no model from use
        known = []
    corrected = known and digest(model / WEIGHTS) in set(known) - {known[-1]}
    return "; measured before the corrections that were learned since" if corrected else ""


def _quality(model: Path, watch: str) -> str:
    """Return the scores of the kept epoch on the development set, without a BLEU near zero that says nothing."""
    try:
        records = [record for record in read_journal(model) if record.get(BLEU) is not None]
    except InputError:
        records = []
    if not records:
        return _UNKNOWN
    # Records of earlier versions do not say which score decided.
    judge = records[-1].get("watch") or (PERPLEXITY if watch == "perplexity" else BLEU)
    kept = max(records, key=lambda record: quality(record, judge))
    signature = bleu_signature(kept.get("tokenizer", "13a"))
    known = {key: f"{NAMES[key]} {kept[key]:.2f}" for key in (BLEU, CHRF, PERPLEXITY) if is_telling(key, kept, judge)}
    where, chosen, since = "on the development set", f"; the epoch was chosen by {NAMES[judge]}", _since(model)
    if CHRF in known and judge == CHRF and watch == "auto":
        bleu = f" ({kept[BLEU]:.2f}, {signature})" if BLEU in known else ""
        return f"{known[CHRF]} {where}, greedy{chosen}, because BLEU says little there{bleu}{since}"
    if BLEU in known:
        chrf = f", {known[CHRF]}" if CHRF in known else ""
        return f"{known[BLEU]} {where}, greedy, {signature}{chrf}{chosen}{since}"
    if CHRF in known:
        return f"{known[CHRF]} {where}, greedy{chosen}{since}"
    return f"{known[PERPLEXITY]} {where}{chosen}{since}" if PERPLEXITY in known else _UNKNOWN
