"""Pictures, tables in the terminal, and pages for the browser; no TensorFlow."""
