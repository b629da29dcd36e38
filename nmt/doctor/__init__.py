"""The doctor: looks at sentence pairs before they are trained on."""
