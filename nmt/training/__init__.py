"""Losses, schedules, callbacks, and the run that uses them."""

from nmt.tf_import import check_backend

check_backend()
