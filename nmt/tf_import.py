"""TensorFlow without its greetings."""

from __future__ import annotations

import os
import re
import sys
import tempfile


def import_tensorflow() -> None:
    """Import TensorFlow without its greetings: notes on the hardware, from C++, past Python's logging.

    What else is written meanwhile is passed on.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            import tensorflow as tf
            import tensorflow_text  # noqa: F401

            tf.config.list_physical_devices()
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            caught.seek(0)
            lines = [line for line in caught if not re.match(rb"[IWE]0000 |WARNING: All log messages", line)]
            sys.stderr.write(b"".join(lines).decode("utf-8", "replace"))
