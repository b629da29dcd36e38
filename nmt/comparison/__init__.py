"""Models compared under one budget: what they reach, what they cost, and where each lets go."""
