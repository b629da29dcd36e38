"""Losses, schedules, callbacks, and the run that uses them."""
