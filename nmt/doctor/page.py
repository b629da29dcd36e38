"""The findings as a page for the browser."""

from __future__ import annotations

from nmt.doctor import tables
from nmt.doctor.findings import Diagnosis
from nmt.plotting.html import file_page


def doctor_page(diagnosis: Diagnosis, title: str = "What is in the pairs") -> str:
    """Return a page of HTML with the advice first, then everything that was counted, with examples."""
    return file_page("doctor", title, diagnosis=diagnosis, tables=tables)
