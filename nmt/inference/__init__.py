"""Text in, text out: a trained model with its tokenizers and a search."""

from nmt.tf_import import check_backend

check_backend()
