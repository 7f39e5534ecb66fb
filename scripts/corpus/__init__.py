"""The training corpus: what it is made of, and the scripts that assemble it."""
