"""A trained model put to use: exports, servers, clients."""
