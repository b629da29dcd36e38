"""What people look at: pictures, tables in the terminal, pages for the browser; no TensorFlow."""
