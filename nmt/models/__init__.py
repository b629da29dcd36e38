"""The networks: source ids and target ids in, scores of the next token out."""
