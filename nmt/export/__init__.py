"""A trained model as an artefact that needs no line of this package: SavedModel, TFLite."""
