"""The transforms that ask an export."""

from typing import Any

import pytest

pytest.importorskip("apache_beam", reason="Apache Beam is not installed: pip install -e '.[beam]'")

from nmt.beam import Clean, Score, Translate
from nmt.errors import InputError


@pytest.mark.parametrize("transform", [Translate, Score, lambda export, **more: Clean(export=export, **more)])
def test_who_makes_the_export_may_be_trusted(transform: Any) -> None:
    assert not transform("an export").handler.trust
    assert transform("an export", trust=True).handler.trust
    with pytest.raises(InputError, match="gs://bucket/1 is an address"):
        transform("gs://bucket/1")
