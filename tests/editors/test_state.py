"""The docker's state, without any editor."""

from deepsim_krita.document_state import DocumentState
from deepsim_krita.observable import Observable, Property
from deepsim_krita.progress import MOST_POINTS, Progress, clock
from deepsim_krita.roles import NONE, Choices, free_name, model_name, resolve_roles
from deepsim_krita.settings import Settings
from deepsim_krita.state import EngineInfo, LayerInfo, ModelInfo, Picture

EDGES = LayerInfo("e", "edges")
SEGMENTS = LayerInfo("s", " Segments ")
PHOTO = LayerInfo("p", "Photo")
LAYERS = (EDGES, SEGMENTS, PHOTO)


class Counted(Observable):
    number = Property(1)


def test_a_property_tells_its_name_when_it_changes_and_only_then() -> None:
    thing = Counted()
    told: list[str] = []
    thing.changed.connect(told.append)
    thing.number = 1
    thing.number = 2
    assert (thing.number, told) == (2, ["number"])


def test_a_callback_may_disconnect_itself() -> None:
    thing = Counted()
    told: list[str] = []

    def once(name: str) -> None:
        told.append(name)
        thing.changed.disconnect(once)

    thing.changed.connect(once)
    thing.number = 2
    thing.number = 3
    assert told == ["number"]


def test_primitives_are_found_by_name_in_any_case() -> None:
    roles = resolve_roles(LAYERS, "p", Choices())
    assert (roles.image, roles.edges, roles.segments) == (PHOTO, EDGES, SEGMENTS)


def test_none_leaves_a_primitive_out() -> None:
    assert resolve_roles(LAYERS, "p", Choices(edges=NONE)).edges is None


def test_a_chosen_layer_wins_over_the_name() -> None:
    other = LayerInfo("o", "Lines")
    assert resolve_roles((*LAYERS, other), "p", Choices(edges="o")).edges == other


def test_a_chosen_layer_that_was_deleted_falls_back_to_the_name() -> None:
    assert resolve_roles(LAYERS, "p", Choices(edges="deleted")).edges == EDGES


def test_while_a_primitive_is_painted_on_the_only_other_layer_is_the_image() -> None:
    assert resolve_roles(LAYERS, "s", Choices()).image == PHOTO


def test_while_a_primitive_is_painted_on_two_other_layers_leave_the_image_open() -> None:
    two = (*LAYERS, LayerInfo("q", "Other"))
    assert resolve_roles(two, "s", Choices()).image is None


def test_while_a_primitive_is_painted_on_the_trained_layer_stays_the_image() -> None:
    two = (*LAYERS, LayerInfo("q", "Other"))
    assert resolve_roles(two, "s", Choices(), trained="p").image == PHOTO


def test_a_result_that_became_active_does_not_become_the_image() -> None:
    layers = (LayerInfo("r", "Photo"), *LAYERS)
    roles = resolve_roles(layers, "r", Choices(), trained="p", results=frozenset({"r"}))
    assert roles.image == PHOTO


def test_a_layer_of_another_picture_that_became_active_is_the_image() -> None:
    other = LayerInfo("q", "Other")
    assert resolve_roles((*LAYERS, other), "q", Choices(), trained="p").image == other


def test_layers_in_groups_can_be_primitives() -> None:
    inner = LayerInfo("e", "Edges", level=1)
    assert resolve_roles((PHOTO, inner), "p", Choices()).edges == inner


def test_the_group_that_holds_the_drawing_is_not_the_image() -> None:
    group = LayerInfo("g", "DeepSIM")
    drawing = LayerInfo("e", "Edges", level=1)
    assert resolve_roles((group, drawing, PHOTO), "g", Choices()).image == PHOTO


def test_a_new_name_gets_the_first_free_number() -> None:
    assert free_name("Edges", LAYERS) == "Edges 2"
    assert free_name("Lines", LAYERS) == "Lines"


def test_a_model_is_named_after_the_layer_or_else_the_document() -> None:
    assert model_name("car", "Background") == "car"
    assert model_name("car", "Paint Layer 3") == "car"
    assert model_name("car", "Wheels") == "Wheels"
    assert model_name("", "Layer 1") == "Layer 1"


def test_durations_read_like_a_clock() -> None:
    assert [clock(s) for s in (0, 7.4, 90, 3905, -1)] == ["0:00", "0:07", "1:30", "1:05:05", "0:00"]


def test_progress_says_part_and_time_left() -> None:
    progress = Progress("Training “cat”")
    progress.update({"step": 30, "steps": 120, "seconds": 20.0, "seconds_left": 61.0})
    assert progress.fraction == 0.25
    assert progress.text == "Training “cat” · 25% · 1:01 left"


def test_progress_without_a_step_count_goes_by_time() -> None:
    progress = Progress("Training")
    progress.update({"step": 30, "steps": None, "seconds": 30.0, "seconds_left": 10.0})
    assert progress.fraction == 0.75


def test_progress_is_open_while_nothing_is_known() -> None:
    progress = Progress("Training")
    progress.update({"step": 0, "steps": None, "seconds": 0.0, "seconds_left": None})
    assert (progress.fraction, progress.text) == (None, "Training")


def test_progress_keeps_a_curve_of_the_loss_that_stays_short() -> None:
    progress = Progress("Training")
    for step in range(1, 2001):
        progress.update({"step": step, "losses": {"total": 9.0, "perceptual": 1 / step}})
    assert len(progress.curve) <= MOST_POINTS
    assert progress.curve[0] == (1, 1.0)
    assert progress.curve[-1][0] > 1900
    gaps = [b - a for (a, _), (b, _) in zip(progress.curve, progress.curve[1:], strict=False)]
    assert max(gaps) < 4 * min(gaps[1:])


def test_progress_without_losses_has_no_curve() -> None:
    progress = Progress("Training")
    progress.update({"step": 3, "losses": {}})
    progress.update({"step": 4})
    assert progress.curve == []


def test_a_document_finds_its_model_and_choices_again() -> None:
    state = DocumentState("d")
    state.choices = Choices(edges="e", segments=NONE)
    state.adopt(ModelInfo("abc", "cat", "edges"), "p")
    again = DocumentState("d")
    again.restore(state.memory())
    assert again.model == ModelInfo("abc", "cat", "edges")
    assert (again.trained, again.choices) == ("p", state.choices)


def test_a_strange_memory_is_ignored() -> None:
    state = DocumentState("d")
    state.restore({"model": 7, "image": None, "choices": ["x"]})
    assert (state.model, state.trained, state.choices) == (None, None, Choices())


def test_the_preset_that_answers_at_once_is_the_first_choice() -> None:
    assert Settings().preset == "instant"


def test_settings_survive_a_round_trip_and_ignore_nonsense() -> None:
    settings = Settings()
    wanted = {
        "preset": "paper",
        "seconds": 90,
        "blend": False,
        "device": "cpu",
        "idle_minutes": 3,
    }
    settings.update({**wanted, "unknown": 1})
    settings.update(
        {"preset": 3, "seconds": -5, "blend": "no", "device": "", "idle_minutes": 10**6}
    )
    assert settings.to_dict() == wanted


def test_an_empty_picture_is_one_without_any_opaque_pixel() -> None:
    assert Picture(2, 1, bytes((9, 9, 9, 0)) * 2).is_empty
    assert not Picture(2, 1, bytes((9, 9, 9, 0, 0, 0, 0, 1))).is_empty


def test_the_engine_says_its_device_only_when_it_is_ready() -> None:
    engine = EngineInfo()
    engine.device = "cpu"
    assert engine.text == "Engine not running"
    engine.state = "ready"
    assert engine.text == "Engine ready (cpu)"
