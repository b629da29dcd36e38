"""A captioner that is asked for rows of development features, so that a run scores it as it scores a translator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nmt.config import Config
from nmt.data.features import Features
from nmt.data.tokenizers import Tokenizers
from nmt.inference.captioner import Captioner
from nmt.models.caption_model import CaptionModel
from nmt.translation import Translation


class RowCaptioner(Captioner):
    """A captioner whose sources are the numbers of rows, as those of a corpus of captions are.

    Arguments:
        model, tokenizers, config: see :class:`~nmt.inference.captioner.Captioner`.
        features: of the development set.
    """

    def __init__(self, model: CaptionModel, tokenizers: Tokenizers, config: Config, features: Features) -> None:
        super().__init__(model, tokenizers, config)
        self.features = features

    def translate(
        self, texts: Sequence[str], prefixes: Sequence[str] | None = None, first: int = 0, **decoding: Any
    ) -> list[Translation]:
        """Describe the examples whose numbers are given as strings."""
        assert prefixes is None
        return self.caption(self.features.rows([int(text) for text in texts]), first, **decoding)
