"""What the artist sets in the docker and finds again next time."""

from __future__ import annotations

from typing import Any, Mapping

from .observable import Observable, Property


class Settings(Observable):
    """What the artist sets in the docker and finds again next time."""

    preset = Property("instant")
    seconds = Property(0)
    """Training time; 0 leaves it to the preset."""
    blend = Property(True)
    """Keep the untouched pixels of the original exactly."""
    device = Property("auto")
    """What trainings compute on."""
    idle_minutes = Property(0)
    """After how long an engine without work leaves; 0: as it was installed."""

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON-ready values."""
        return {
            "preset": self.preset,
            "seconds": self.seconds,
            "blend": self.blend,
            "device": self.device,
            "idle_minutes": self.idle_minutes,
        }

    def update(self, values: Mapping[str, Any]) -> None:
        """Takes over what fits; anything else (an older or a broken file) is ignored."""
        preset, seconds, blend = (values.get(k) for k in ("preset", "seconds", "blend"))
        if isinstance(preset, str) and preset:
            self.preset = preset
        if isinstance(seconds, int) and 0 <= seconds <= 86400:
            self.seconds = seconds
        if isinstance(blend, bool):
            self.blend = blend
        device, idle = values.get("device"), values.get("idle_minutes")
        if isinstance(device, str) and device:
            self.device = device
        if isinstance(idle, int) and 0 <= idle <= 1440:
            self.idle_minutes = idle
