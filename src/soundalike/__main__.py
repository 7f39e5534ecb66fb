"""``python -m soundalike`` is the command line."""

from soundalike.cli import main

main()
