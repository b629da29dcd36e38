"""The order of the tests."""

import pytest

# Files of a few tests that take minutes. A worker that came to one of them last would be waited for by all others.
LONG = ("test_notebooks.py", "test_tutorials.py", "test_cli_compare.py", "test_forecast.py", "test_docs.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long files first; all others keep their order."""
    items.sort(key=lambda item: item.path.name not in LONG)
