"""Presets are configs that hold together, and the automatic one knows the size of the data."""

from functools import partial

import pytest

from nmt.config import Config, with_settings
from nmt.errors import InputError
from nmt.presets import PRESETS, fit_preset, preset


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_a_config_that_differs_from_the_defaults(name):
    config, said = preset(name, 1000)
    assert config != Config() and said == []


def test_fewer_pairs_get_no_more_units_more_dropout_and_smaller_batches():
    configs = [preset("auto", pairs)[0] for pairs in (1_500, 5_000, 29_000, 114_000, 1_000_000)]
    units = [c.model.units for c in [preset("auto", 500)[0], *configs]]
    assert units == sorted(units) and len(set(units)) == 4
    usual = [c.model.output_dropout for c in configs if not c.text.sampling]
    for shares in (usual, [c.training.label_smoothing for c in configs]):
        assert shares == sorted(shares, reverse=True)
    batches = [c.training.batch_size for c in configs]
    assert batches == sorted(set(batches))


def test_many_pairs_get_the_quicker_attention_and_one_embedding():
    chosen = [preset("auto", pairs)[0] for pairs in (500, 501, 12_000, 12_001)]
    assert [(c.model.attention, c.model.context, c.model.tied) for c in chosen] == [
        ("bahdanau", "input", "output"),
        ("dot", "output", "output"),
        ("dot", "output", "output"),
        ("dot", "output", "all"),
    ]
    many, lines = chosen[-1], preset("auto", 12_001, "lines")[0]
    assert with_settings(lines, ["model.architecture=language-model"]).model.tied == "output"
    assert "attention = dot, context = output, tied = all" in "\n".join(preset("auto", 12_001)[1])
    apart = preset("auto", 12_001, joint=False)[0]
    assert with_settings(apart, ["text.joint=false"]).model.tied == "output"
    assert "attention" not in "\n".join(preset("auto", 12_001, "lines")[1])
    for other in ("model.architecture=transformer", "model.attention=none", "model.attention=bahdanau"):
        assert with_settings(many, [other]) != many


def test_words_of_pairs_are_cut_at_random_instead_of_much_dropout():
    sampled, said = preset("auto", 29_000)
    assert sampled.text.sampling == 0.35 and sampled.data.noise == 0.1
    assert "[text] sampling = 0.35. [data] noise = 0.1. [model] units = 256" in said[1]
    assert "unless each epoch cuts words into other pieces" in said[0]
    # A share of merges is left out with BPE, and there is one way to cut with the others; plain text was not measured.
    usual = preset("auto", 29_000, samples=False)[0]
    assert preset("auto", 29_000, "lines")[0].model.dropout == usual.model.dropout
    for given in ("text.kind=bpe", "text.kind=char", "text.kind=word", "text.sampling=0"):
        other, lines = fit_preset("auto", 29_000, "pairs", partial(with_settings, settings=[given]))
        assert other == with_settings(usual, [given]) and other.text.sampling == 0
        assert other.model.dropout > sampled.model.dropout and other.training.epochs < sampled.training.epochs
        assert "so few pairs are soon known by heart without much dropout" in lines[0] and "[text]" not in lines[1]
    other = fit_preset("auto", 29_000, "pairs", partial(with_settings, settings=["text.sampling=0.5"]))[0]
    assert other == with_settings(sampled, ["text.sampling=0.5"])
    assert usual.data.noise == 0
    # Only a translator may have noise; `nmt data` counts labelled texts as pairs.
    labels = partial(with_settings, settings=["model.architecture=classifier"])
    assert fit_preset("auto", 29_000, "pairs", labels)[0].data.noise == 0
    assert preset("auto", 29_000, "lines")[0].text.sampling == 0
    assert preset("auto", 1_000_000)[0].text.sampling == 0
    stacked = partial(with_settings, settings=["model.architecture=transformer"])
    assert fit_preset("auto", 29_000, "pairs", stacked)[0].text.sampling == 0


def test_it_says_what_it_chose_and_why():
    config, said = preset("auto", 4_682)
    text = "\n".join(said)
    assert "4,682 pairs" in text
    for value in (config.model.units, config.training.batch_size, config.training.label_smoothing):
        assert f"= {value}" in text
    assert "so few pairs are soon known by heart" in text and "small batches make more steps" in text
    assert len(said) == 3


def test_a_transformer_is_fitted_too():
    configs = [preset("transformer", pairs)[0] for pairs in (500, 29_000, 114_000, 1_000_000)]
    assert {c.model.architecture for c in configs} == {"transformer"}
    widths = [c.model.units for c in configs]
    assert widths == sorted(widths) and widths[0] < widths[-1]
    for config in configs:
        assert config.model.embedding == config.model.units and config.training.schedule == "linear"
        assert with_settings(config, ["model.decoder_layers=5"]).model.decoder_layers == 5
    lines = preset("transformer", 29_000)[1]
    assert "architecture = transformer" in lines[1] and f"epochs = {configs[1].training.epochs}" in lines[2]
    for unshared in (preset("transformer", 9, joint=False)[0], preset("transformer")[0]):
        assert with_settings(unshared, ["text.joint=false"]).model.tied == "output"
    assert configs[1].model.tied == "all"
    assert [c.text.sampling for c in configs] == [0, 0.35, 0, 0] and "[text] sampling = 0.35" in lines[1]
    unsampled = preset("transformer", 29_000, samples=False)[0]
    assert unsampled.text.sampling == 0 and unsampled.model.dropout > configs[1].model.dropout
    assert preset("transformer", 29_000, "lines")[0].text.sampling == 0
    # No layer of the one that is fitted is refused before the pairs are read.
    deep = partial(with_settings, settings=["model.alignment_layer=4"])
    assert fit_preset("transformer", 29_000, "pairs", deep)[0].model.alignment_layer == 4


def test_pairs_that_make_large_batches_are_learned_in_the_faster_precision():
    def precision(name, pairs, what="pairs"):
        return preset(name, pairs, what)[0].training.precision

    assert [precision("auto", pairs) for pairs in (500, 12_000, 12_001, 1_000_000)] == ["float32"] * 2 + ["auto"] * 2
    assert [precision("transformer", pairs) for pairs in (12_000, 12_001)] == ["float32", "auto"]
    assert {precision("auto", 29_000, what) for what in ("lines", "texts", "captions")} == {"float32"}
    assert "precision = auto" in preset("auto", 29_000)[1][2]


def test_of_pairs_the_average_of_the_weights_is_kept():
    """The others were not measured with it."""
    for name in ("auto", "transformer"):
        for pairs in (7, 4_682, 29_000, 1_000_000):
            chosen, lines = preset(name, pairs)
            assert chosen.training.average_decay == 0.999 and "average_decay = 0.999" in lines[2]
    for what in ("lines", "texts", "captions"):
        chosen, lines = preset("auto", 29_000, what)
        assert chosen.training.average_decay == 0 and "average_decay" not in lines[2]


def test_plain_is_the_defaults():
    assert preset("plain", 4_682) == (Config(), [])


def test_every_choice_can_be_overridden():
    chosen = with_settings(preset("auto", 4_682)[0], ["model.units=7", "training.batch_size=3"])
    assert (chosen.model.units, chosen.training.batch_size) == (7, 3)


def test_an_unknown_preset_names_the_nearest():
    with pytest.raises(InputError, match="Did you mean 'headlines'"):
        preset("headline", 5)
