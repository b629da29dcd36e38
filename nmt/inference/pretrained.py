"""A pretrained encoder: what a classifier or a tagger begins with."""

from __future__ import annotations

from pathlib import Path

from nmt.config import Config, settled
from nmt.data.tokenizers import Tokenizers
from nmt.models.masked_language_model import MaskedLanguageModel
from nmt.saving import save


class Pretrained:
    """An encoder that has learned to name masked tokens, with its tokenizer.

    Arguments:
        model: the trained model.
        tokenizers: those it was trained with.
        config: the configuration it was made from.
    """

    def __init__(self, model: MaskedLanguageModel, tokenizers: Tokenizers, config: Config) -> None:
        self.model = model
        self.tokenizers = tokenizers
        self.config = settled(config, tokenizers.target.normalization)

    def save(self, folder: str | Path) -> None:
        """Write a folder that ``nmt train --labels F --from FOLDER`` begins with.

        Raises:
            InputError: if the folder exists and is not empty, or the model was not built from the config.
        """
        save(Path(folder), self.model, self.tokenizers, self.config)
