"""The order of the tests."""

import gc
import os

import pytest
from command_line import suit_tests

from nmt.tf_import import import_tensorflow

# Files that take long, the longest first. A worker that came to one of them last would be waited for.
LONG = (
    "test_tutorials.py", "test_notebooks.py", "test_architectures.py", "test_translator.py", "test_fit.py",
    "test_cli_search.py", "test_cli.py", "test_linked_exports.py", "test_setup.py", "test_cli_family.py",
    "test_tflite_strings.py", "test_cli_compare.py", "test_cli_export.py", "test_alignment_loss.py",
    "test_decoder.py", "test_tflite_runtime.py", "test_beam.py", "test_docs.py", "test_practice.py", "test_readme.py",
    "test_rows.py", "test_forecast.py", "test_saved_model.py", "test_distribute.py", "test_cli_align.py",
    "test_tensorboard.py", "test_encoder.py", "test_kills.py", "test_backends.py", "test_web.py",
    "test_training_model.py", "test_app.py", "test_cli_documents.py", "test_transformer.py", "test_cli_caption.py",
    "test_tokenizers.py", "test_cli_data.py", "test_finetune.py", "test_copy_and_reverse.py", "test_label_exports.py",
    "test_models.py", "test_cli_links.py", "test_cli_serve.py", "test_link_shortlist.py",
    "test_language_model_exports.py", "test_pipeline.py", "test_figures.py", "test_checkpoint.py", "test_linked.py",
    "test_searcher.py", "test_corpora.py", "test_cli_label.py", "test_shortlist.py", "test_cli_correct.py",
    "test_writes.py",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long files first; all others keep their order."""
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


def pytest_collection_finish() -> None:
    """Take what was imported and collected for no garbage: TFLite's converter looks for some in all there is."""
    gc.freeze()


def pytest_configure() -> None:
    """Where workers share the cores, let them suit small graphs."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        import_tensorflow()
        suit_tests()
