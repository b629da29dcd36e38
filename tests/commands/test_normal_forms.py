"""References in another normal form than the one in which a model writes."""

from types import SimpleNamespace

import pytest

from nmt.commands.evaluate import _in_model_form
from nmt.config import Config, from_dict, settled
from nmt.data.tokenizers import train_tokenizers


@pytest.mark.parametrize(
    ("rules", "reference", "formed", "said"),
    [
        ("nfc", "cafe\u0301 １０²", "café １０²", "1 of the references are not in NFC"),
        ("nfkc", "cafe\u0301 １０² it´s", "café 102 it´s", "1 of the references are not in NFKC"),
        ("nmt_nfkc", "１０", "10", "1 of the references are not in NFKC"),
        ("nfkc", "cafe", "cafe", ""),
    ],
)
def test_references_are_scored_in_the_form_of_the_model(
    capsys: pytest.CaptureFixture[str], rules: str, reference: str, formed: str, said: str
) -> None:
    tokenizers = train_tokenizers([("a b", "b a")] * 3, "char", normalization=rules)
    pairs = _in_model_form(SimpleNamespace(tokenizers=tokenizers), [("a", reference), ("b", "b")])  # type: ignore[arg-type]
    assert pairs == [("a", formed), ("b", "b")]
    error = capsys.readouterr().err
    assert said in error and (said != "" or error == "")


def test_sources_are_named_that_a_model_without_rules_reads_as_they_stand(capsys: pytest.CaptureFixture[str]) -> None:
    tokenizers = train_tokenizers([("a b", "b a")] * 3, "char", normalization="none")
    _in_model_form(SimpleNamespace(tokenizers=tokenizers), [("cafe\u0301", "b")])  # type: ignore[arg-type]
    assert "1 of the sources are not in NFC" in capsys.readouterr().err


def test_a_config_names_the_rules_of_its_tokenizers() -> None:
    """``identity`` was the name of ``none``; a model that has been made never says ``auto``."""
    assert from_dict({"text": {"normalization": "identity"}}).text.normalization == "none"
    assert settled(Config(), "nfkc").text.normalization == "nfkc"
    assert settled(from_dict({"text": {"normalization": "nfc"}}), "nfkc").text.normalization == "nfc"
