"""The networks: source ids and target ids in, logits of the next tokens out."""
