"""Pairs, tokenizers and batches."""
