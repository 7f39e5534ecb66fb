"""Vectors as a real encoder would make them, in any number."""

from benchmarks.synthetic.generator import Parameters, Synthetic
from benchmarks.synthetic.measures import Figures, measure

__all__ = ["Figures", "Parameters", "Synthetic", "measure"]
