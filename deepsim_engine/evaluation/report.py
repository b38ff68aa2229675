"""Writes what people look at: sheet, curve, table and page, beside evaluation.json."""

import io

from deepsim_engine.errors import WorkError
from deepsim_engine.evaluation import pictures
from deepsim_engine.evaluation.optional import Missing
from deepsim_engine.evaluation.page import page
from deepsim_engine.evaluation.run import Evaluation
from deepsim_engine.evaluation.table import markdown, mean_rows
from deepsim_engine.files import write_atomically

SHEET, CURVE, TABLE, PAGE = "sheet.png", "curve.svg", "table.md", "index.html"


def write_report(evaluation: Evaluation) -> list[str]:
    """Write the report into the evaluation's folder; sentences about what it had to leave out.

    Raises WorkError when the disk or the folder refuses.
    """
    notes = []
    encoded = io.BytesIO()
    pictures.contact_sheet(evaluation).save(encoded, format="PNG")
    files = {SHEET: encoded.getvalue()}
    if curves := pictures.curves_of(evaluation):
        try:
            files[CURVE] = pictures.quality_over_time(curves)
        except Missing as missing:
            notes.append(f"There is no curve of quality over time: {missing}")
    curve = files[CURVE].decode() if CURVE in files else None
    files[PAGE] = page(evaluation.summary, files[SHEET], curve).encode()
    files[TABLE] = markdown(mean_rows(evaluation.summary)).encode()
    for name, content in files.items():
        path = evaluation.out / name
        try:
            write_atomically(path, content)
        except OSError as error:
            raise WorkError(f"{path} could not be written: {error.strerror or error}.") from error
    return notes
