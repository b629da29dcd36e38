"""Scores, alignments and pictures; no TensorFlow."""
