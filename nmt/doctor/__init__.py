"""The doctor: examines sentence pairs before they are trained on."""
