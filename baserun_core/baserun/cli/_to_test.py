"""``baserun sessions to-test``"""

from __future__ import annotations

from pathlib import Path

import click

from baserun.cli._groups import Problem
from baserun.cli._lookup import find_session
from baserun.cli._stores import opened_store
from baserun.store import Store


@click.command("to-test")
@click.argument("session_id", metavar="ID")
@click.option(
    "-o",
    "--output",
    "folder",
    required=True,
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder for the test; the recording goes into `recordings` in it.",
)
@click.option("--name", help="What the test is called; made from the session's id if left out.")
@click.option(
    "--drive",
    metavar="NAME",
    help="Sends a turn to the application: module:function, or a fixture. Without it the test has one to fill in.",
)
@click.option("--force", is_flag=True, help="Overwrite files that are there.")
@opened_store
def to_test(store: Store, session_id: str, folder: Path, name: str | None, drive: str | None, force: bool) -> None:
    """Make a test of a recorded session, which plays it again without network and key.

    ID may be the beginning of an id, or its shortened form in a table.
    """
    from baserun.testing._replay.generate import generate
    from baserun.testing._replay.recording import RecordingError

    session = find_session(store, session_id)
    try:
        generated = generate(session, name=name, drive=drive)
    except RecordingError as error:
        raise Problem(str(error)) from error
    _write({folder / path: text for path, text in generated.files.items()}, force)
    if drive is None:
        click.echo("Fill in drive(turn) in the test, and run it with pytest.", err=True)


def _write(files: dict[Path, str], force: bool) -> None:
    there = [str(path) for path in files if path.exists()]
    if there and not force:
        raise Problem(f"{' and '.join(there)} exist already; write --force to overwrite them, or another --name.")
    for path, text in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise Problem(f"{path} cannot be written: {error.strerror or error}.") from error
        click.echo(str(path))
