"""Text in, text out: a trained model with its tokenizers and a search."""
