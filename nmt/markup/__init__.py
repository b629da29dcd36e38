"""Text with markup: tags move along word links, and placeholders come out letter by letter. No TensorFlow is needed."""
