"""Corpora that grammars write, so every target is right.

``demo`` is the built-in corpus. Its grammar is in ``lexicon`` (words), ``scenes`` (what fits together), ``korean`` and
``english`` (inflection), ``phrases``, ``clauses``, ``author`` (chooses what to say), ``sentences`` and
``complex_sentences``. ``tasks`` has the corpora of other tasks: ``numbers``, ``transliteration``, and ``headlines``,
which needs ``stories``.
"""
