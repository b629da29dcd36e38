"""Pairs, tokenizers and batches."""

import os

# SentencePiece sorts with OpenMP, whose threads would then spin for as long as one thread learns a vocabulary.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
