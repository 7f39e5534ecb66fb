"""See how well an encoder tells the folders of a collection apart: ``python examples/evaluate_folder.py``."""

from soundalike.evaluation import markdown_table
from soundalike.library import DEFAULT_ENCODER, demo_sounds
from soundalike.studies import contenders, evaluate, find_tasks


def main() -> None:
    """Let every bundled sound ask for the others of its folder, with an encoder and what it must beat."""
    tasks = find_tasks([str(demo_sounds())], data=None)
    found = evaluate(tasks, contenders([DEFAULT_ENCODER]))
    for task in tasks:
        print(task.question)
        print(markdown_table(found.report, task.name, ["map", "p@1", "knn@5", "hubness"]))
    hardest = min(found.report.results[0].per_class.items(), key=lambda pair: pair[1] or 0.0)
    print(f"\nHardest to find for {found.report.results[0].encoder}: {hardest[0]}")


if __name__ == "__main__":
    main()
