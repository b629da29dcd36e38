"""Search, on the step protocol alone."""
