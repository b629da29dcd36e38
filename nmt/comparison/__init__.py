"""Models compared under one budget: how good they are, what they cost, and where they fail."""
