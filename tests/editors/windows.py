"""What a person does in the plugin's windows, and in the dialogs that it opens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.editors.krita_harness import KritaProcess


class AtWindows:
    """A person at the windows of a Krita; the one that was looked at last is `w` in it."""

    def __init__(self, krita: KritaProcess) -> None:
        self.krita = krita

    def window(self, name: str) -> None:
        """Waits for a window of the plugin, which is `w` in Krita from then on."""
        self.krita.call("from deepsim_krita.qt import QMessageBox")
        code = f"[w for w in QApplication.topLevelWidgets() if w.objectName() == {name!r}]"
        self.krita.wait(f"{code} and {code}[0].isVisible()")
        self.krita.call(f"w = {code}[0]")

    def open_library(self, model: str) -> None:
        """Opens the window of models and chooses one of them, by its id."""
        self.krita.call("k.action('deepsim_library').trigger()")
        self.window("deepsim_library")
        self.choose_model(model)

    def choose_model(self, model: str) -> None:
        """Chooses a model in the window of models, by its id."""
        row = f"[i for i in range(w.list.count()) if w.list.item(i).data(256) == {model!r}]"
        self.krita.wait(row)
        self.krita.call(f"w.list.setCurrentRow({row}[0])")

    def press_in_library(self, button: str) -> None:
        """Presses a button of the window of models, from the event loop: a dialog may follow."""
        press = f"w.findChild(QWidget, 'deepsim_library_{button}').click"
        self.krita.call(f"QTimer.singleShot(0, {press})")

    def confirm_delete(self, *parts: str) -> None:
        """Says yes to the question that has these parts in it."""
        asked = " and ".join(f"{part!r} in box.text()" for part in parts)
        found = f"[box for box in w.findChildren(QMessageBox) if {asked} and box.isVisible()]"
        self.krita.wait(f"len({found})", 60)
        self.krita.call(f"""
next(b for b in {found}[0].buttons() if b.text().replace("&", "") == "Delete").click()""")

    def choose_path(self, path: Path) -> None:
        """Answers the dialog that asks for a file or folder, as by typing the path."""
        self.krita.call("from deepsim_krita.qt import QDialogButtonBox, QFileDialog, QLineEdit")
        dialog = "QApplication.activeModalWidget()"
        self.krita.wait(f"isinstance({dialog}, QFileDialog)")
        self.krita.call(f"""
{dialog}.findChild(QLineEdit, "fileNameEdit").setText({str(path)!r})
accepted = QDialogButtonBox.ButtonRole.AcceptRole
box = {dialog}.findChild(QDialogButtonBox)
chosen = next(b for b in box.buttons() if box.buttonRole(b) == accepted)
QTimer.singleShot(0, chosen.click)""")
        self.krita.wait(f"{dialog} is None")
