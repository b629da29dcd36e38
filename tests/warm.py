"""What the server of processes in ``command_line`` does once, so that no process that it forks has to."""

import contextlib
import gc
import sys

from command_line import suit_tests


def _warm() -> None:
    import keras  # noqa: F401
    import sacrebleu  # noqa: F401
    import tensorflow  # noqa: F401
    import tensorflow_text  # noqa: F401

    import nmt.doctor.report
    import nmt.evaluation.by_length
    import nmt.export.card
    import nmt.export.saved_model
    import nmt.plotting.figures
    import nmt.server.app
    import nmt.training.fit  # noqa: F401
    from nmt.cli import command_line
    from nmt.data.normalization import choose, nfc_rules
    from nmt.errors import InputError
    from nmt.evaluation.scripts import character_classes

    nfc_rules()
    choose(["a"])
    character_classes()
    # Parsing has imports of its own.
    with contextlib.suppress(InputError):
        command_line()(["translate", "nowhere"], standalone_mode=False)  # type: ignore[call-arg]


# What is imported stays: it is no garbage, which Python would search it for thousands of times.
gc.disable()
_warm()
gc.freeze()
gc.enable()
# What a command starts is forked from here, too, and not by ``command_line``.
if "pytest" not in sys.modules:
    suit_tests()
