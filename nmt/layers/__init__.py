"""The parts of the network, as Keras layers."""
