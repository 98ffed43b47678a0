"""What Baserun costs, measured: ``python -m benchmarks [core] [weight] [store] [openai]``."""

from __future__ import annotations

import argparse
import importlib
import sys

from benchmarks._measure import yardstick
from benchmarks._report import show, show_figures

TABLES = {"core": "Sessions and spans", "openai": "Added to a call of the openai client"}
FIGURES = {"weight": "Weight", "store": "Store"}


def main() -> int:
    """Run the chosen parts, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"some of {', '.join([*TABLES, *FIGURES])}; all of them if left out")
    parser.add_argument("--full", action="store_true", help="up to 1 M calls in the store, which takes many minutes")
    arguments = parser.parse_args()
    unknown = set(arguments.parts) - {*TABLES, *FIGURES}
    if unknown:
        parser.error(f"there is no part {', '.join(sorted(unknown))}; choose from {', '.join([*TABLES, *FIGURES])}")
    for part in arguments.parts or [*FIGURES, *TABLES]:
        module = importlib.import_module(f"benchmarks.{part}")
        if part in TABLES:
            show(TABLES[part], module.run(), yardstick())
        else:
            show_figures(FIGURES[part], module.run(full=True) if arguments.full and part == "store" else module.run())
    return 0


if __name__ == "__main__":
    sys.exit(main())
