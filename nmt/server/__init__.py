"""`nmt serve`: a page and TF Serving's REST paths on this machine."""
