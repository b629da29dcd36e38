"""Pairs, text and batches."""
