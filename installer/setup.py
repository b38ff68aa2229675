"""The whole installation, as a list of steps."""

from dataclasses import dataclass
from typing import Literal

from installer.environment import DeepSim, Environment, Torch
from installer.files import fingerprint, write_json
from installer.krita import KritaPlugin, read_launch
from installer.steps import Context, Step
from installer.torch_choice import TorchOption
from installer.weights import HedWeights

Editor = Literal["krita", "none"]


@dataclass(frozen=True)
class LaunchFile:
    """PREFIX/launch.json: how scripts start the engine and find it."""

    name: str = "launch"
    title: str = "launch file"
    forgets: tuple[str, ...] = ()

    def stamp(self, context: Context) -> str:
        return fingerprint(context.places.launch_description())

    def intact(self, context: Context) -> bool:
        return bool(read_launch(context.places.launch) == context.places.launch_description())

    def run(self, context: Context) -> None:
        write_json(context.places.launch, context.places.launch_description())


def installation(editor: Editor, torch: TorchOption) -> list[Step]:
    """What makes an installation, in order."""
    steps: list[Step] = [Environment(torch), Torch(torch), DeepSim(), HedWeights(), LaunchFile()]
    if editor == "krita":
        steps.append(KritaPlugin())
    return steps
