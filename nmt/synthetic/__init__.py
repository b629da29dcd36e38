"""Grammars, and the corpora that they write."""
