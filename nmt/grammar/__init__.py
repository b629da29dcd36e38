"""The grammar that writes the built-in corpus, from single words up to sentences of several clauses."""
