"""A config says what it means: it survives TOML, and every wrong name or value is refused with a hint."""

import dataclasses
import math
import tomllib
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from logged import logged

from nmt.config import (
    ENCODER_ALONE,
    LABELLING,
    Config,
    Data,
    Decoding,
    Model,
    beam_size,
    from_dict,
    from_file,
    is_transformer,
    max_ratio,
    to_toml,
    with_settings,
)
from nmt.errors import InputError

GIVEN = ["decoding.length_penalty=0.7", "decoding.length_normalization=plain", "decoding.patience=1"]
SECTIONS = {section.name: type(getattr(Config(), section.name)) for section in dataclasses.fields(Config)}


def accepted(hint: Any, minimum: float, maximum: float) -> st.SearchStrategy:
    """All values that a field of this type and range may take."""
    if get_origin(hint) is Literal:
        return st.sampled_from(get_args(hint))
    if hint is bool:
        return st.booleans()
    if hint is int:
        return st.integers(int(max(minimum, -(10**9))), int(min(maximum, 10**9)))
    if hint is float:
        return st.floats(minimum, min(maximum, 1e300))
    return st.one_of([accepted(part, minimum, maximum) for part in get_args(hint)])


def section(kind: type) -> st.SearchStrategy:
    hints = get_type_hints(kind)
    fields = {
        f.name: accepted(hints[f.name], f.metadata["minimum"], f.metadata["maximum"]) for f in dataclasses.fields(kind)
    }
    return st.builds(kind, **fields)


def mended(parts: dict[str, Any]) -> dict[str, Any]:
    """Make random sections agree: what may be set with what is tested in test_architectures.py."""
    text, data, model, training, decoding = (parts[name] for name in SECTIONS)
    recurrent, transformer = model.architecture == "recurrent", model.architecture == "transformer"
    features = (recurrent or transformer) and model.source == "features"
    stacks = is_transformer(model)
    learned = stacks and model.positions == "learned"
    changes: dict[str, Any] = {"embedding": model.units} if stacks else {}
    width = model.units if stacks else model.attention_units
    heads = math.gcd(model.heads, width)
    labels, alone = model.architecture in LABELLING, model.architecture in ENCODER_ALONE
    pools = model.architecture == "classifier" and model.pooling == "attention"
    unused = {
        "source": features,
        **dict.fromkeys(("source_cells", "source_width"), features),
        "encoder": labels,
        "pooling": model.architecture == "classifier",
        **dict.fromkeys(("decoder_layers", "tied"), not alone),
        "decoder": model.architecture == "language-model",
        "cell": not stacks,
        **dict.fromkeys(("attention", "context", "context_dropout"), recurrent),
        "bidirectional": (recurrent and not features) or (labels and not stacks),
        "attention_units": pools or (recurrent and model.attention in ("bahdanau", "concat", "scaled_dot")),
        "heads": stacks or (recurrent and model.attention == "scaled_dot"),
        "encoder_layers": (recurrent or transformer or alone) and not features,
        **dict.fromkeys(("layer_norm", "residual", "recurrent_dropout"), not stacks),
        "feed_forward": stacks,
        "positions": stacks or features,
        **dict.fromkeys(("alignment_layer", "alignment_head"), transformer),
        "max_positions": learned,
    }
    if unused["heads"]:
        changes |= {"heads": heads}
    if transformer:
        changes |= {
            "alignment_layer": model.alignment_layer if model.alignment_layer == "last" else 1,
            "alignment_head": model.alignment_head if model.alignment_head == "mean" else heads,
        }
    if learned:
        changes |= {"max_positions": 1 + max(data.max_length, decoding.max_length)}
    if recurrent and model.attention == "none" and model.context == "feed":
        changes |= {"context": "output"}
    if (model.encoder_layers if alone else model.decoder_layers) == 1:
        changes |= {"residual": False}
    if not transformer and (not recurrent or model.attention == "none"):
        training = dataclasses.replace(training, guided_alignment=0.0, alignment_head="off")
    if features:
        training = dataclasses.replace(training, guided_alignment=0.0, alignment_head="off", confidence="off")
        text = dataclasses.replace(text, joint=True)
        decoding = dataclasses.replace(decoding, shortlist=False)
        changes |= {"tied": "output"}
    if model.architecture == "language-model":
        changes |= {"tied": "output"}
        text = dataclasses.replace(text, joint=True)
        training = dataclasses.replace(training, watch="auto", confidence="off")
    if alone:
        text = dataclasses.replace(text, joint=True)
        training = dataclasses.replace(training, scheduled_sampling=0.0, confidence="off")
    if training.watch in (*(("bleu", "chrf") if alone else ()), *(() if labels else ("accuracy", "f1"))):
        training = dataclasses.replace(training, watch="auto")
    if model.tied == "all":
        text = dataclasses.replace(text, joint=True)
    if text.kind in ("char", "word"):
        text = dataclasses.replace(text, sampling=0.0)
    if not (recurrent or transformer) or features or training.guided_alignment:
        data = dataclasses.replace(data, term_annotations=0.0)
    if not (recurrent or transformer) or features:
        data = dataclasses.replace(data, noise=0.0)
    changes |= {key: getattr(Model, key) for key, used in unused.items() if not used}
    # One device, or one batch a step; and guesses need a second epoch to rise to.
    parts = "auto" if training.xla == "on" else training.batch_parts
    training = dataclasses.replace(training, devices=1, batch_parts=parts, epochs=max(training.epochs, 2))
    if training.scheduled_sampling:
        training = dataclasses.replace(training, steps=0, minutes=0.0)
    model = dataclasses.replace(model, **changes)
    return {"text": text, "data": data, "model": model, "training": training, "decoding": searching(decoding, model)}


def searching(decoding: Decoding, model: Model) -> Decoding:
    """Make a random way to search agree with itself and with the model."""
    if model.architecture in ENCODER_ALONE:
        return Decoding(max_length=decoding.max_length, batch_size=decoding.batch_size)
    language_model = model.architecture == "language-model"
    blind = language_model or (model.architecture == "recurrent" and model.attention == "none")
    changes: dict[str, Any] = {"beam": 1} if decoding.sample else {"n_best": min(decoding.n_best, beam_size(decoding))}
    if language_model and decoding.beam == "auto":
        changes |= {"beam": 1}
    if language_model:
        changes |= {"n_best": 1, "min_length": 0, "min_ratio": 0.0, "max_ratio": Decoding.max_ratio}
    else:
        changes |= {"min_length": min(decoding.min_length, decoding.max_length)}
        changes |= {"min_ratio": min(decoding.min_ratio, max_ratio(decoding))}
    if blind:
        changes |= {"coverage_penalty": 0.0, "shortlist": False}
    if language_model or model.source == "features" or (decoding.shortlist and not blind):
        changes |= {"xla": False}
    if changes.get("beam", decoding.beam) == 1:
        changes |= dict.fromkeys(("length_penalty", "coverage_penalty", "prune", "patience"), 0.0)
    elif 0 < decoding.patience * beam_size(decoding) < decoding.n_best:
        changes |= {"patience": float(decoding.n_best)}
    if not decoding.sample:
        changes |= {key: getattr(Decoding, key) for key in ("temperature", "top_k", "top_p", "seed")}
    if not changes.get("length_penalty", decoding.length_penalty):
        changes |= {"length_normalization": "gnmt"}
    return dataclasses.replace(decoding, **changes)


configs = st.fixed_dictionaries({name: section(kind) for name, kind in SECTIONS.items()}).map(mended)
configs = configs.map(lambda parts: Config(**parts))
steady = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@steady
@given(config=configs)
def test_a_config_survives_its_own_toml(tmp_path: Path, config: Config) -> None:
    path = tmp_path / "config.toml"
    path.write_text(to_toml(config), encoding="utf-8")
    assert from_file(path) == config


@steady
@given(config=configs)
def test_a_config_survives_settings_of_every_key(config: Config) -> None:
    tables = tomllib.loads(to_toml(config))
    chosen = [f"{name}.{key}={value}" for name, keys in tables.items() for key, value in keys.items()]
    # As Python prints them, true and false are no TOML.
    chosen = [setting.replace("=True", "=true").replace("=False", "=false") for setting in chosen]
    assert with_settings(Config(), chosen) == config


def test_the_toml_holds_every_key() -> None:
    tables = tomllib.loads(to_toml(Config()))
    assert tables == dataclasses.asdict(Config())
    assert set(tables) == {"text", "data", "model", "training", "decoding"}


def test_a_file_changes_only_what_it_names(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[model]\nunits = 13\n", encoding="utf-8")
    base = with_settings(Config(), ["model.units=7", "model.cell=lstm"])
    assert from_file(path, base) == with_settings(Config(), ["model.units=13", "model.cell=lstm"])


def test_a_config_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().model.units = 3


# Wrong names and values

WRONG = {
    "section": ({"modle": {"units": 3}}, "no section 'modle'. Did you mean 'model'?"),
    "section unlike any": ({"zzzzzzzz": {}}, "no section 'zzzzzzzz'. Known: data, decoding, model, text, training."),
    "section that is not a table": ({"model": 3}, "'model' is a section of the config"),
    "key": ({"training": {"epoch": 3}}, "no key 'training.epoch'. Did you mean 'training.epochs'?"),
    "key unlike any": (
        {"text": {"##########": 3}},
        "Known: text.joint, text.kind, text.normalization, text.sampling, text.vocabulary_size.",
    ),
    "key of another section": ({"data": {"vocabulary_size": 300}}, "no key 'data.vocabulary_size'."),
    "word": ({"model": {"cell": "ltsm"}}, "model.cell cannot be 'ltsm'. Did you mean 'lstm'?"),
    "word unlike any": ({"text": {"kind": "zzz"}}, "Known: bpe, char, unigram, word."),
    "word for auto": ({"text": {"vocabulary_size": "aut"}}, "Did you mean 'auto'?"),
    "number for a word": ({"model": {"cell": 3}}, "model.cell must be 'gru' or 'lstm' or 'rnn', not 3."),
    "word for a whole number": ({"model": {"units": "many"}}, "model.units must be a whole number, not 'many'."),
    "fraction for a whole number": ({"model": {"units": 3.0}}, "model.units must be a whole number, not 3.0."),
    "truth for a whole number": ({"model": {"units": True}}, "model.units must be a whole number, not True."),
    "truth for a number": ({"model": {"dropout": False}}, "model.dropout must be a number, not False."),
    "number for a truth": ({"text": {"joint": 1}}, "text.joint must be true or false, not 1."),
    "fraction for a size": ({"text": {"vocabulary_size": 9.5}}, "must be a whole number or 'auto', not 9.5."),
    "list": ({"training": {"epochs": [3]}}, "training.epochs must be a whole number, not [3]."),
    "table": ({"training": {"epochs": {"a": 3}}}, "training.epochs must be a whole number"),
    "too little": ({"training": {"epochs": 0}}, "training.epochs must be between 1 and 1,000,000, not 0."),
    "too much": ({"model": {"dropout": 0.96}}, "model.dropout must be between 0 and 0.95, not 0.96."),
    "below its range": ({"model": {"dropout": -0.1}}, "between 0 and 0.95, not -0.1."),
    "too small a vocabulary": ({"text": {"vocabulary_size": 7}}, "text.vocabulary_size must be 8 or more, not 7."),
    "no number": (
        {"training": {"learning_rate": float("nan")}},
        "training.learning_rate must be a finite number, not nan.",
    ),
}


@pytest.mark.parametrize(("values", "words"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_named(values: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as caught:
        from_dict(values)
    assert words in str(caught.value)


@pytest.mark.parametrize(("key", "value"), [("model.dropout", 0), ("model.dropout", 0.95), ("model.units", 16_384)])
def test_the_ends_of_a_range_belong_to_it(key: str, value: float) -> None:
    name, _, field = key.partition(".")
    assert getattr(getattr(from_dict({name: {field: value}}), name), field) == value


def test_a_whole_number_becomes_a_fraction_where_one_is_wanted() -> None:
    rate = from_dict({"training": {"learning_rate": 1}}).training.learning_rate
    assert type(rate) is float
    assert rate == 1.0


FILES = {
    "no TOML": ("[model\n", "is not TOML"),
    "twice the same key": ("[model]\nunits = 3\nunits = 5\n", "is not TOML"),
    "unknown key": ("[model]\nunit = 3\n", "Did you mean 'model.units'?"),
    "wrong value": ("[training]\nepochs = 0\n", "between 1 and"),
    "tied without one vocabulary": ("[text]\njoint = false\n[model]\ntied = 'all'\n", "needs text.joint = true"),
    "no UTF-8": (b"[model]\ncell = '\xff'\n", "line 2: byte 9 of the line, 0xff, is not UTF-8"),
    "UTF-16": ("[model]\n".encode("utf-16"), "is in UTF-16. Convert it to UTF-8: iconv -f UTF-16 -t UTF-8"),
    "a number of 5,000 digits": ("[model]\nunits = " + "9" * 5000, "is not TOML"),
    "3,000 lists": ("a = " + "[" * 3000, "nested too deeply"),
    "a number of 4,000 hexadecimal digits": ("[training]\nseed = 0x" + "f" * 4000, "training.seed must be"),
    "such a number in a list": ("[training]\nseed = [0x" + "f" * 4000 + "]", "not such a list"),
    "1,500 tables": ("[training]\nseed" + ".a" * 1500 + " = 1", "not such a dict"),
}


@pytest.mark.parametrize(("text", "words"), FILES.values(), ids=FILES)
def test_the_message_names_the_file(tmp_path: Path, text: str | bytes, words: str) -> None:
    path = tmp_path / "my.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as caught:
        from_file(path)
    assert str(path) in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot be read") as caught:
        from_file(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


# Settings

SETTINGS = {
    "word": ("model.cell=lstm", "lstm"),
    "quoted word": ('model.cell="lstm"', "lstm"),
    "word in single quotes": ("model.cell='lstm'", "lstm"),
    "whole number": ("training.epochs=3", 3),
    "with underscores": ("data.shuffle_buffer=1_000", 1000),
    "fraction": ("model.dropout=0.3", 0.3),
    "fraction without its zero": ("model.dropout=.3", 0.3),
    "fraction without its end": ("training.save_minutes=3.", 3.0),
    "fraction in powers of ten": ("training.learning_rate=3e-4", 0.0003),
    "truth": ("text.joint=false", False),
    "either a number": ("text.vocabulary_size=300", 300),
    "or a word": ("text.vocabulary_size=auto", "auto"),
    "with spaces": ("  training.epochs  =  3  ", 3),
}


@pytest.mark.parametrize(("setting", "value"), SETTINGS.values(), ids=SETTINGS)
def test_a_setting(setting: str, value: Any) -> None:
    name, _, key = setting.partition("=")[0].strip().partition(".")
    # A start that differs from all of them.
    start = with_settings(Config(), ["text.vocabulary_size=99", "training.epochs=99", "model.dropout=0.9"])
    found = getattr(getattr(with_settings(start, [setting]), name), key)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("setting", ["training.epochs", "training.epochs 3", "epochs=3", "=3", "", "="])
def test_a_setting_without_section_or_value(setting: str) -> None:
    with pytest.raises(InputError, match=r"Write section.key=value"):
        with_settings(Config(), [setting])


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("model.cell=", "model.cell cannot be ''"),
        ("training.epochs=", "must be a whole number"),
        ("training.epochs=three", "must be a whole number, not 'three'"),
        ("model.bidirectional=yes", "must be true or false, not 'yes'"),
        ("model.units=.5", "must be a whole number, not 0.5"),
        ("training.learning_rate=nan", "not nan"),
        ("training.epochs=" + "9" * 5000, "must be a whole number, not inf"),
        ("training.epochs=" + "[" * 3000, "must be a whole number"),
        ("modell.units=3", "Did you mean 'model'?"),
        ("model.units.x=3", "Did you mean 'model.units'?"),
    ],
)
def test_a_setting_that_is_wrong(setting: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        with_settings(Config(), [setting])
    assert words in str(caught.value)


def test_later_settings_win() -> None:
    assert with_settings(Config(), ["model.units=3", "model.cell=rnn", "model.units=5"]).model.units == 5


def test_sharing_all_embeddings_needs_one_vocabulary() -> None:
    assert with_settings(Config(), ["model.tied=all"]).model.tied == "all"
    with pytest.raises(InputError, match=r"needs text.joint = true"):
        with_settings(Config(), ["text.joint=false", "model.tied=all"])


@pytest.mark.parametrize("model", ["architecture=language-model", "architecture=classifier", "source=features"])
def test_noise_is_for_source_texts(model: str) -> None:
    assert with_settings(Config(), ["data.noise=0.1"]).data.noise == 0.1
    with pytest.raises(InputError, match=r"data\.noise is for a translator of texts"):
        with_settings(Config(), ["data.noise=0.1", f"model.{model}"])


def test_settings_count_together_and_not_one_by_one() -> None:
    start = with_settings(Config(), ["model.tied=all"])
    assert with_settings(start, ["text.joint=false", "model.tied=none"]).text.joint is False


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_bytes("\ufeff[model]\r\nunits = 7\r\n".encode())
    assert from_file(path).model.units == 7


def test_a_key_that_was_renamed_is_read_by_its_name_of_before() -> None:
    assert from_dict({"data": {"annotations": 0.5}}).data == Data(term_annotations=0.5)


def test_a_file_may_be_named_by_a_string(tmp_path):
    (tmp_path / "a.toml").write_text("[training]\nepochs = 7\n")
    assert from_file(str(tmp_path / "a.toml")).training.epochs == 7
    with pytest.raises(InputError, match="cannot be read"):
        from_file("nowhere.toml")


def test_one_string_of_settings_is_refused():
    with pytest.raises(TypeError, match=r"Give a list of settings, not one string: \['model.units=8'\]"):
        with_settings(Config(), "model.units=8")


def test_a_resumed_run_leaves_out_what_goes_with_a_beam_that_was_not_chosen(tmp_path: Path) -> None:
    """The search was to be chosen with a penalty, and became greedy: the same settings are given again."""
    chosen, file = Config(), tmp_path / "c.toml"
    file.write_text('[decoding]\nlength_penalty = 0.7\nlength_normalization = "plain"\npatience = 1.0\n')
    with pytest.raises(InputError, match=r"length_penalty = 0\.7 would do nothing with decoding\.beam = 1"):
        with_settings(chosen, GIVEN)
    with logged() as said:
        assert with_settings(chosen, [*GIVEN, "decoding.n_best=1"], resumed=True) == chosen
    assert len(said) == 3
    assert (
        "decoding.length_penalty = 0.7 is left out: in the run that is resumed it would do nothing with "
        "decoding.beam = 1." in said
    )
    assert from_file(file, chosen, resumed=True) == chosen
    # With a beam they count, and another key is refused as ever.
    wide = with_settings(chosen, ["decoding.beam=5"])
    assert with_settings(wide, GIVEN, resumed=True) == with_settings(wide, GIVEN)
    with pytest.raises(InputError, match="would do nothing"):
        with_settings(chosen, [*GIVEN, "decoding.beam=1"], resumed=True)
    with pytest.raises(InputError, match="would do nothing"):
        with_settings(chosen, ["decoding.top_k=7"], resumed=True)
