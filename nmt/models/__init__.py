"""The networks: source ids and target ids in, logits of the next tokens out."""

from nmt.tf_import import check_backend

check_backend()
