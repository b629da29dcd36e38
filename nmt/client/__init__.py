"""Asks a server for translations, over REST or gRPC; needs no numpy and no TensorFlow."""
