"""Texts as people have them: documents of sentences, and the files that hold them. No TensorFlow is needed."""
