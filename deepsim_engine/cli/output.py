"""What a command says and where: results on standard output, all else on standard error."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, NoReturn

import typer

from deepsim_engine.errors import InputError, Stopped, WorkError

FAILED, INPUT_WRONG, INTERRUPTED = 1, 2, 130

AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object; progress goes to standard error.")
]


@dataclass(frozen=True)
class Output:
    """Where the sentences and facts of one command go."""

    as_json: bool

    def note(self, sentence: str) -> None:
        """Something worth knowing while the work goes on."""
        typer.echo(sentence, err=True)

    def warn(self, sentences: list[str]) -> None:
        """What had to be guessed or changed; the same sentences belong into the JSON result."""
        for sentence in sentences:
            self.note(f"Note: {sentence}")

    def result(self, sentence: str, **facts: Any) -> None:
        """The work is done: a sentence for people, or facts for programs."""
        if self.as_json:
            print_json(facts)
        else:
            typer.echo(sentence)

    def failure(self, sentence: str, code: str, status: int, **facts: Any) -> NoReturn:
        """The work is not done: one sentence on standard error, or facts for programs."""
        if self.as_json:
            print_json({"error": sentence, "code": code, **facts})
        else:
            typer.echo(sentence, err=True)
        raise typer.Exit(status)


def print_json(facts: dict[str, Any]) -> None:
    """One JSON object on standard output."""
    typer.echo(json.dumps(facts, ensure_ascii=False))


@contextmanager
def outcome(as_json: bool) -> Iterator[Output]:
    """Run a command's body; every foreseeable failure becomes a sentence and an exit status."""
    output = Output(as_json)
    try:
        yield output
    except InputError as error:
        output.failure(_sentence(error), "input", INPUT_WRONG)
    except Stopped as error:
        kept = None if error.checkpoint is None else str(error.checkpoint)
        sentence = _sentence(error)
        if kept is not None:
            sentence += " Give the same command with --resume to go on."
        output.failure(sentence, "cancelled", INTERRUPTED, step=error.step, checkpoint=kept)
    except WorkError as error:
        output.failure(_sentence(error), "failed", FAILED)
    except MemoryError:
        output.failure("There was not enough memory: scale the picture down.", "failed", FAILED)
    except OSError as error:  # a disk that is full, a folder that vanished, a permission
        where = f"{error.filename}: " if error.filename else ""
        output.failure(f"{where}{error.strerror or error}.", "failed", FAILED)
    except KeyboardInterrupt:
        output.failure("Interrupted.", "cancelled", INTERRUPTED)


def _sentence(error: Exception) -> str:
    text = str(error)
    return text[:1].upper() + text[1:] if text.startswith(("the ", "no ")) else text
