"""What Baserun costs, measured: ``python -m benchmarks [weight] [store] [pages] [core] [openai] [web]``."""

from __future__ import annotations

import argparse
import importlib
import sys
import types

from benchmarks._report import show, show_figures

TABLES = {
    "core": "Sessions and spans",
    "openai": "Added to a call of the openai client",
    "web": "Added to a request",
}
FIGURES = {"weight": "Weight", "store": "Store", "pages": "Pages"}
PARTS = (*FIGURES, *TABLES)


def main() -> int:
    """Run the chosen parts, or all of them."""
    arguments = _parser().parse_args()
    unknown = set(arguments.parts) - set(PARTS)
    if unknown:
        print(f"there is no part {', '.join(sorted(unknown))}; choose from {', '.join(PARTS)}", file=sys.stderr)
        return 2
    for part in arguments.parts or PARTS:
        run(part, importlib.import_module(f"benchmarks.{part}"), arguments)
    return 0


def run(part: str, module: types.ModuleType, arguments: argparse.Namespace) -> None:
    """Run one part and print what it measured."""
    measured = module.run("smoke" if arguments.smoke else "full" if arguments.full else "usual")
    (show if part in TABLES else show_figures)({**FIGURES, **TABLES}[part], measured)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"some of {', '.join(PARTS)}; all of them if left out")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--full", action="store_true", help="up to 1 M calls in the store, which takes many minutes")
    size.add_argument("--smoke", action="store_true", help="tiny numbers that only show that everything runs")
    return parser


if __name__ == "__main__":
    sys.exit(main())
