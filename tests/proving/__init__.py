"""Proofs: long, seeded hunts for faults. ``make prove`` runs all of them, and the tests beside them a small part."""
