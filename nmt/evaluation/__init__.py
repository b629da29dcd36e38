"""Scores and alignments; no TensorFlow."""
