"""The translator in a browser: JavaScript without dependencies, which `nmt export --web` puts into a page.

Each file is an ES module, so that Node runs it as it is. An export joins them, see :mod:`nmt.export.web_bundle`.
"""

from pathlib import Path


def path(name: str) -> Path:
    """Return the place of a file of this room."""
    return Path(__file__).parent / name
