"""The parts of the network, as Keras layers."""

from nmt.tf_import import check_backend

check_backend()
