"""What the server of processes in ``command_line`` does once, so that no process that it forks has to."""

import keras  # noqa: F401
import sacrebleu  # noqa: F401
import tensorflow  # noqa: F401
import tensorflow_text  # noqa: F401

import nmt.cli
import nmt.server.app
import nmt.training.fit  # noqa: F401
from nmt.data.normalization import choose, nfc_rules
from nmt.evaluation.scripts import character_classes

nfc_rules()
choose(["a"])
character_classes()
