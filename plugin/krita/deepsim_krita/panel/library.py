"""The library's window: all models with a picture, and what can be done with them."""

from __future__ import annotations

from typing import Any

from ..guard import guarded
from ..qt import (
    QDialog,
    QHBoxLayout,
    QIcon,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QMessageBox,
    QPixmap,
    QPushButton,
    QSize,
    Qt,
    QTimer,
    QVBoxLayout,
)
from ..state import ModelInfo
from ..studio import Studio
from ..text import _
from .training import preset_name

SIDE = 96
"""Of the pictures, in pixels."""


class LibraryWindow(QDialog):
    """Shows the models; closes with its parent."""

    def __init__(self, studio: Studio, parent: Any = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._shown: object = None
        self._old = studio.session.notice
        """What was said before there was this window is none of its matters."""
        self.setObjectName("deepsim_library")
        self.setWindowTitle(_("DeepSIM Models"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(560, 480)
        self.list = QListWidget()
        self.list.setObjectName("deepsim_library_list")
        self.list.setIconSize(QSize(SIDE, SIDE))
        self.list.setAccessibleName(_("Models"))
        self.list.itemChanged.connect(guarded(self._on_edited))
        self.list.currentItemChanged.connect(guarded(lambda *_: self._enable()))
        self.details = QLabel()
        self.details.setObjectName("deepsim_library_details")
        self.empty = QLabel(_("There are no models yet: train on a layer first."))
        self.empty.setWordWrap(True)
        self._buttons: list[Any] = []
        top, bottom = QHBoxLayout(), QHBoxLayout()
        self._button(top, "use", _("Use for This Picture"), self._use)
        self._button(top, "start", _("Train From This"), self._start)
        self._button(bottom, "rename", _("Rename"), self._rename)
        self._button(bottom, "delete", _("Delete…"), self._delete)
        self._button(bottom, "export", _("Export…"), self._export)
        load = QPushButton(_("Import…"))
        load.setObjectName("deepsim_library_import")
        load.clicked.connect(guarded(lambda *_: studio.transfers.import_file()))
        bottom.addWidget(load)
        self.said = QLabel()
        self.said.setObjectName("deepsim_library_message")
        self.said.setWordWrap(True)
        column = QVBoxLayout(self)
        for part in (self.list, self.details, self.empty, self.said):
            column.addWidget(part)
        column.addLayout(top)
        column.addLayout(bottom)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(guarded(self.refresh))
        changed, callback = studio.session.changed, self._on_change
        changed.connect(callback)
        self.destroyed.connect(lambda *_: changed.disconnect(callback))
        studio.keeping.in_use = None  # an answer that an earlier window was closed before
        studio.session.connect()
        self.refresh()

    def refresh(self) -> None:
        """Shows the models as they are."""
        library, keeping = self._studio.library, self._studio.keeping
        keeping.look()
        state = (library.items, tuple(sorted(keeping.pictures)))
        if state != self._shown:
            self._shown = state
            self._fill()
        notice = self._studio.session.notice
        fresh = notice is not None and notice is not self._old
        self.said.setText(notice.text if notice is not None and fresh else "")
        self.empty.setVisible(library.known and not library.items)
        self._enable()
        if keeping.in_use is not None:
            model, text = keeping.in_use
            keeping.in_use = None
            self._confirm(model, text + " " + _("Delete it all the same?"), force=True)

    @property
    def model(self) -> ModelInfo | None:
        """The chosen one."""
        item = self.list.currentItem()
        found = None if item is None else item.data(Qt.ItemDataRole.UserRole)
        return None if found is None else self._studio.library.find(found)

    def _fill(self) -> None:
        chosen = self.model
        self.list.blockSignals(True)
        self.list.clear()
        for model in self._studio.library.items:
            item = QListWidgetItem(model.name)
            item.setData(Qt.ItemDataRole.UserRole, model.id)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
            item.setToolTip(_described(model))
            pixmap = QPixmap()
            if pixmap.loadFromData(self._studio.keeping.pictures.get(model.id, b"")):
                item.setIcon(QIcon(pixmap))
            self.list.addItem(item)
            if chosen is not None and model.id == chosen.id:
                self.list.setCurrentItem(item)
        self.list.blockSignals(False)

    def _enable(self) -> None:
        model = self.model
        self.details.setText("" if model is None else _described(model))
        for button in self._buttons:
            button.setEnabled(model is not None)

    def _button(self, row: Any, name: str, text: str, slot: Any) -> None:
        button = QPushButton(text)
        button.setObjectName(f"deepsim_library_{name}")
        button.clicked.connect(guarded(lambda *_: self.model is not None and slot(self.model)))
        self._buttons.append(button)
        row.addWidget(button)

    def _on_change(self, name: str) -> None:
        if not self._later.isActive():
            self._later.start(0)

    def _on_edited(self, item: Any) -> None:
        model = self._studio.library.find(item.data(Qt.ItemDataRole.UserRole))
        if model is not None:
            self._shown = None  # a name that is refused goes back to what it was
            self._studio.keeping.rename(model, item.text())

    def _use(self, model: ModelInfo) -> None:
        self._studio.keeping.use(model)

    def _start(self, model: ModelInfo) -> None:
        self._studio.keeping.start_from(model)

    def _rename(self, _model: ModelInfo) -> None:
        self.list.editItem(self.list.currentItem())

    def _delete(self, model: ModelInfo) -> None:
        text = _("Delete the model “{name}”? This cannot be undone.").format(name=model.name)
        self._confirm(model, text, force=False)

    def _confirm(self, model: ModelInfo, text: str, *, force: bool) -> None:
        box = QMessageBox(QMessageBox.Icon.Warning, self.windowTitle(), text, parent=self)
        box.setObjectName("deepsim_library_confirm")
        delete = box.addButton(_("Delete"), QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        keeping = self._studio.keeping
        delete.clicked.connect(guarded(lambda *_: keeping.remove(model, force)))
        box.open()

    def _export(self, model: ModelInfo) -> None:
        self._studio.transfers.export(model)


def _described(model: ModelInfo) -> str:
    """What else is known of a model, in one line."""
    width, height = model.size
    date = model.created[:16].replace("T", " ")
    return f"{model.kind} · {preset_name(model.preset)} · {width}×{height} · {date}"
