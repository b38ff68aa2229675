"""The settings window: the engine, what trainings begin with, where things are kept."""

from __future__ import annotations

from typing import Any

from ..guard import guarded
from ..qt import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    Qt,
    QVBoxLayout,
)
from ..studio import Studio
from ..text import _
from ..widgets import Choice
from .parts import Form, row
from .training import PRESETS, preset_name

WIDTH = 420
"""Pixels of the window at least, so that a usual folder fits into a line."""


class SettingsWindow(QDialog):
    """Changes count at once; those of the engine with its button."""

    def __init__(self, studio: Studio, parent: Any = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self.setObjectName("deepsim_settings_window")
        self.setWindowTitle(_("DeepSIM Settings"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(WIDTH)
        column = QVBoxLayout(self)
        self._add_defaults(column)
        self._add_engine(column)
        self._add_storage(column)
        close = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        close.rejected.connect(self.close)
        column.addWidget(close)
        self._enable()

    def _add_defaults(self, column: Any) -> None:
        settings, engine = self._studio.session.settings, self._studio.session.engine
        self.preset = Choice("deepsim_settings_preset", _("What trainings begin with"))
        presets = engine.presets or PRESETS
        self.preset.show_items([(preset_name(name), name) for name in presets], settings.preset)
        self.device = Choice("deepsim_settings_device", _("What the engine computes on"))
        devices = dict.fromkeys(["auto", *engine.devices, settings.device])
        self.device.show_items([(name, name) for name in devices], settings.device)
        self.blend = QCheckBox(_("Keep untouched pixels"))
        self.blend.setChecked(settings.blend)
        for choice in (self.preset, self.device):
            choice.activated.connect(guarded(self._on_defaults))
        self.blend.toggled.connect(guarded(self._on_defaults))
        column.addWidget(Form((_("Preset"), self.preset), (_("Device"), self.device)))
        column.addWidget(self.blend)

    def _add_engine(self, column: Any) -> None:
        remote = self._studio.configuring.remote
        self.idle = QSpinBox()
        self.idle.setObjectName("deepsim_settings_idle")
        self.idle.setRange(0, 1440)
        self.idle.setSuffix(_(" min"))
        self.idle.setSpecialValueText(_("as installed"))
        self.idle.setToolTip(_("How long an engine without work waits before it leaves"))
        self.idle.setValue(self._studio.session.settings.idle_minutes)
        self.remote = QCheckBox(_("Use an engine on another computer"))
        self.remote.setObjectName("deepsim_settings_remote")
        self.remote.setChecked(remote is not None)
        self.remote.toggled.connect(guarded(lambda *_: self._enable()))
        self.endpoint = QLineEdit("" if remote is None else remote.endpoint)
        self.endpoint.setObjectName("deepsim_settings_endpoint")
        self.endpoint.setPlaceholderText("tcp://HOST:PORT")
        self.key = QLineEdit("" if remote is None else remote.public_key)
        self.key.setObjectName("deepsim_settings_key")
        self.key.setPlaceholderText(_("its key, as `deepsim serve` prints it"))
        self.line = _selectable("")
        self.line.setObjectName("deepsim_settings_line")
        self.use = QPushButton(_("Use This Engine"))
        self.use.setObjectName("deepsim_settings_connect")
        self.use.clicked.connect(guarded(self._on_engine))
        column.addWidget(Form((_("Idle engine leaves after"), self.idle)))
        column.addWidget(self.remote)
        column.addWidget(Form((_("Address"), self.endpoint), (_("Key"), self.key)))
        column.addWidget(self.use)
        column.addWidget(self.line)

    def _add_storage(self, column: Any) -> None:
        folder, editor = str(self._studio.configuring.data), self._studio.session.editor
        opened = QPushButton(_("Open Folder"))
        opened.clicked.connect(guarded(lambda *_: editor.open_folder(folder)))
        column.addWidget(Form((_("Models and trainings"), row(_selectable(folder), opened))))

    def _enable(self) -> None:
        for field in (self.endpoint, self.key):
            field.setEnabled(self.remote.isChecked())

    def _on_defaults(self, *_ignored: Any) -> None:
        settings = self._studio.session.settings
        settings.preset = self.preset.key
        settings.device = self.device.key
        settings.blend = self.blend.isChecked()

    def _on_engine(self, *_ignored: Any) -> None:
        configuring = self._studio.configuring
        self._studio.session.settings.idle_minutes = self.idle.value()
        self.line.clear()
        if self.remote.isChecked():
            line = configuring.use_remote(self.endpoint.text(), self.key.text())
            if line:
                self.line.setText(_("Run this on the other computer once:") + "\n" + line)
        else:
            configuring.use_local()


def _selectable(text: str) -> Any:
    label = QLabel(text)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
