"""Deformations: speed and quality."""
