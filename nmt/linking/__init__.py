"""Word links from sentence pairs alone: a statistical aligner that needs no translator, and no TensorFlow."""
