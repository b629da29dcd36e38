"""The imports that all worker processes share, done once."""

from nmt.tf_import import import_tensorflow


def _warm() -> None:
    import_tensorflow()
    import nmt.training.fit  # noqa: F401


_warm()
