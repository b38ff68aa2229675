"""Every message, over real sockets, to the real engine process."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from deepsim_client import EngineClient, Frame, Message
from deepsim_client.wire import encode, new_id
from PIL import Image

from tests.server.conftest import (
    PATIENCE,
    SIDE,
    Engine,
    RawClient,
    ask,
    frame,
    image_frame,
    pair,
    pixels,
    segments_frame,
    until,
)

if TYPE_CHECKING:
    from deepsim_client import Reply


@pytest.fixture(scope="module")
def trained(shared: Engine) -> tuple[dict[str, Any], list[Reply]]:
    """A model of a few steps, and all replies on the way to it."""
    replies: list[Reply] = []
    body = {"name": "Astronaut", "preset": "draft", "steps": 4}
    final = ask(shared.ready(), "train", body, pair(), on_reply=replies.append)
    assert final.kind == "result", final.body
    return final.body["model"], replies


def test_hello_tells_what_the_engine_is_and_has(client: EngineClient) -> None:
    body = ask(client, "hello", {"wait": True}).body
    assert body["protocol"] == 1
    assert body["device"] in body["devices"]
    assert "cpu" in body["devices"]
    assert {"instant", "draft", "standard", "paper"} <= set(body["presets"])
    assert body["memory_free"] > 0
    assert client.info["device"] == body["device"]


def test_status_tells_device_jobs_and_versions(client: EngineClient, shared: Engine) -> None:
    body = ask(client, "status").body
    assert body["pid"] == shared.connection["pid"]
    assert body["memory"]["free"] > 0
    assert body["queue"] == 0
    assert "torch" in body["versions"]


def test_edges_are_black_lines_on_transparency(client: EngineClient) -> None:
    reply = ask(client, "edges", {"method": "canny", "sigma": 1.0}, [image_frame()])
    drawn = pixels(reply.frames[0])
    assert drawn.shape == (SIDE, SIDE, 4)
    lines = drawn[..., 3] > 0
    assert 0.01 < lines.mean() < 0.5
    assert not drawn[lines][:, :3].any()


def test_segment_divides_into_the_wanted_regions(client: EngineClient) -> None:
    reply = ask(client, "segment", {"regions": 5}, [image_frame()])
    regions = pixels(reply.frame("segments"))
    colours = {tuple(colour) for colour in regions[..., :3].reshape(-1, 3).tolist()}
    assert len(colours) == 5
    assert {tuple(colour) for colour in reply.body["palette"]} == colours


def test_inspect_tells_what_a_training_would_take_and_what_is_wrong(client: EngineClient) -> None:
    layer = pixels(segments_frame()).copy()
    layer[:40, :, 3] = 0
    frames = [image_frame(), frame("segments", layer)]
    body = ask(client, "inspect", {"preset": "draft", "seconds": 60}, frames).body
    assert body["ready"] is True
    assert body["seconds"] == [60, 63]
    assert body["working_size"] == [SIDE, SIDE]
    assert 0 < body["memory"] < body["memory_free"]
    assert ["38% of the layer" in warning for warning in body["warnings"]] == [True]


def test_inspect_answers_where_training_would_refuse(client: EngineClient) -> None:
    reply = ask(client, "inspect", {}, [image_frame(), segments_frame(32)])
    assert reply.kind == "result"
    assert reply.body["ready"] is False
    assert "64 x 64" in reply.body["warnings"][0]


def test_snap_gives_exact_colours_and_marks_stray_pixels(client: EngineClient) -> None:
    drawn = pixels(segments_frame()).copy()
    colours = np.unique(drawn[..., :3].reshape(-1, 3), axis=0).tolist()
    drawn[2:6, 3:9, :3] = (10, 250, 10)
    for body in ({"palette": colours}, {"palette": colours, "model": ""}):
        reply = ask(client, "snap", body, [frame("segments", drawn)])
        assert reply.kind == "result", reply.body
        snapped, stray = pixels(reply.frame("segments")), pixels(reply.frame("stray"))
        assert np.unique(snapped[..., :3].reshape(-1, 3), axis=0).tolist() == colours
        assert stray.shape == (SIDE, SIDE, 1)
        assert np.unique(stray).tolist() == [0, 255]
        assert reply.body["stray"] == (stray > 0).sum() == 24
        assert reply.body["palette"] == colours
    own = ask(client, "snap", {}, [frame("segments", drawn)]).body
    assert own["stray"] == 0
    assert [10, 250, 10] in own["palette"]


def test_snap_knows_the_colours_of_a_model(
    client: EngineClient, trained: tuple[dict[str, Any], list[Reply]]
) -> None:
    model, _ = trained
    reply = ask(client, "snap", {"model": model["id"]}, [segments_frame(shift=6)])
    assert reply.body["palette"] == model["palette"]
    gone = ask(client, "snap", {"model": "0" * 12}, [segments_frame()])
    assert gone.body["code"] == "not-found"


def test_training_reports_progress_and_previews_and_leaves_a_model(
    trained: tuple[dict[str, Any], list[Reply]],
) -> None:
    model, replies = trained
    kinds = [reply.kind for reply in replies]
    assert kinds[0] == "accepted"
    assert kinds[-1] == "result"
    steps = [reply.body["step"] for reply in replies if reply.kind == "progress"]
    assert steps == sorted(steps)
    assert steps[-1] == 4
    assert kinds.count("preview") >= 1
    preview = next(reply for reply in replies if reply.kind == "preview").frames[0]
    assert preview.shape[2] == 3
    assert model["name"] == "Astronaut"
    assert model["kind"] == "segments"
    assert model["size"] == [SIDE, SIDE]


def test_apply_gives_a_picture_of_the_drawings_size(
    client: EngineClient, trained: tuple[dict[str, Any], list[Reply]]
) -> None:
    model, _ = trained
    reply = ask(client, "apply", {"model": model["id"]}, [segments_frame(shift=6)])
    assert reply.kind == "result", reply.body
    assert reply.frame("image").shape == (SIDE, SIDE, 4)
    assert reply.body["model"]["id"] == model["id"]


def test_apply_without_an_edit_gives_the_picture_back(
    client: EngineClient, trained: tuple[dict[str, Any], list[Reply]]
) -> None:
    model, _ = trained
    reply = ask(client, "apply", {"model": model["id"], "blend": True}, [segments_frame()])
    assert np.array_equal(pixels(reply.frame("image")), pixels(image_frame()))


def test_apply_sends_the_influence_and_only_what_changed_on_request(
    client: EngineClient, trained: tuple[dict[str, Any], list[Reply]]
) -> None:
    model, _ = trained
    drawn = pixels(segments_frame()).copy()
    drawn[4:8, 5:9] = drawn[40, 32]
    layers = [frame("segments", drawn)]
    body = {"model": model["id"], "influence": True}
    reply = ask(client, "apply", body, layers)
    whole, influence = (pixels(reply.frame(name)) for name in ("image", "influence"))
    assert "box" not in reply.body
    assert influence.shape == (SIDE, SIDE, 1)
    kept = influence[..., 0] == 0
    assert 0.2 < kept.mean() < 1
    assert np.array_equal(whole[kept], pixels(image_frame())[kept])

    cropped = ask(client, "apply", {**body, "crop": True}, layers)
    left, top, width, height = cropped.body["box"]
    here = (slice(top, top + height), slice(left, left + width))
    assert (width, height) != (SIDE, SIDE)
    assert np.array_equal(pixels(cropped.frame("image")), whole[here])
    assert np.array_equal(pixels(cropped.frame("influence")), influence[here])
    assert not np.delete(np.delete(influence, np.r_[here[0]], 0), np.r_[here[1]], 1).any()

    region = ask(client, "apply", {"model": model["id"], "region": [0, 2, 20, 10]}, layers)
    assert region.body["box"] == [0, 2, 20, 10]
    assert np.array_equal(pixels(region.frame("image")), whole[2:12, :20])
    outside = ask(client, "apply", {"model": model["id"], "region": [60, 0, 9, 9]}, layers)
    assert outside.body["code"] == "input"
    assert "64 x 64" in outside.body["message"]


def test_apply_during_training_is_answered_from_the_weights_so_far(client: EngineClient) -> None:
    steps: list[int] = []
    body = {"name": "Long", "preset": "draft", "steps": 5000}
    training = client.request(
        "train",
        body,
        pair(),
        on_reply=lambda reply: (
            steps.append(reply.body["step"]) if reply.kind == "progress" else None
        ),
    )
    until(lambda: steps, client)
    reply = ask(client, "apply", {"job": training}, [segments_frame(shift=6)])
    assert reply.kind == "result", reply.body
    assert ask(client, "edges", {}, [image_frame()]).kind == "result"
    before = steps[-1]
    until(lambda: steps[-1] > before, client)  # and the training has gone on
    client.cancel(training)
    assert client.wait(training, PATIENCE).body["code"] == "cancelled"


def test_a_cancelled_training_keeps_its_checkpoint_and_can_be_resumed(
    client: EngineClient,
) -> None:
    body = {"name": "Stopped", "preset": "draft", "steps": 5000}
    steps: list[int] = []

    def count(reply: Reply) -> None:
        if reply.kind == "progress":
            steps.append(reply.body["step"])

    training = client.request("train", body, pair(), on_reply=count)
    until(lambda: steps and steps[-1] >= 3, client)
    assert ask(client, "cancel", {"job": training}).body["state"] == "cancelling"
    assert client.wait(training, PATIENCE).body["code"] == "cancelled"
    stopped_at = steps[-1]

    steps.clear()
    resumed = {**body, "steps": stopped_at + 4, "resume": True}
    final = ask(client, "train", resumed, pair(), on_reply=count)
    assert final.kind == "result", final.body
    assert stopped_at < steps[0] <= stopped_at + 2
    assert final.body["model"]["steps"] == stopped_at + 4


def test_cancelling_what_waits_or_is_unknown(client: EngineClient) -> None:
    first = client.request("train", {"preset": "draft", "steps": 5000}, pair())
    second = client.request("train", {"preset": "draft", "steps": 5000, "name": "B"}, pair())
    until(lambda: ask(client, "status").body["queue"] == 1, client)
    assert ask(client, "cancel", {"job": second}).body["state"] == "cancelled"
    assert client.wait(second, PATIENCE).body["code"] == "cancelled"
    client.cancel(first)
    assert client.wait(first, PATIENCE).body["code"] == "cancelled"
    assert ask(client, "cancel", {"job": new_id()}).body["state"] == "unknown"
    assert ask(client, "cancel", {"job": first}).body["state"] == "cancelled"


def test_a_repeated_request_is_answered_and_not_done_twice(client: EngineClient) -> None:
    body = {"preset": "draft", "steps": 2, "name": "Once"}
    rid = new_id()
    first = ask(client, "train", body, pair(), rid=rid)
    replies: list[Reply] = []
    second = ask(client, "train", body, pair(), rid=rid, on_reply=replies.append)
    assert second.body == first.body
    assert [reply.kind for reply in replies] == ["result"]
    rid = new_id()
    once = ask(client, "edges", {}, [image_frame()], rid=rid)
    again = ask(client, "edges", {}, [image_frame()], rid=rid)
    assert again.frames == once.frames


def test_another_client_can_follow_a_training(shared: Engine, client: EngineClient) -> None:
    other = shared.ready()
    training = client.request("train", {"preset": "draft", "steps": 6, "name": "Seen"}, pair())
    until(lambda: ask(client, "status").body["training"] == training, client)
    replies: list[Reply] = []
    final = ask(other, "attach", {"job": training}, on_reply=replies.append)
    assert "progress" in [reply.kind for reply in replies]
    assert final.body == client.wait(training, PATIENCE).body


def test_two_clients_are_served_side_by_side(shared: Engine) -> None:
    clients = [shared.client() for _ in range(2)]
    requests = [
        (client, client.request("segment", {"regions": regions}, [image_frame()]))
        for regions in (3, 4, 5)
        for client in clients
    ]
    until(lambda: all(client.state == "ready" for client in clients), *clients)
    found = [len(client.wait(rid, PATIENCE).body["palette"]) for client, rid in requests]
    assert found == [3, 3, 4, 4, 5, 5]


def test_models_are_listed_shown_renamed_and_removed(client: EngineClient) -> None:
    body = {"preset": "instant", "name": "First name"}
    model = ask(client, "train", body, pair()).body["model"]["id"]
    listed = ask(client, "models", {"action": "list"}).body["models"]
    assert model in [each["id"] for each in listed]
    renamed = ask(client, "models", {"action": "rename", "model": model, "name": "Second"}).body
    assert renamed["model"]["name"] == "Second"
    reply = ask(client, "models", {"action": "show", "model": "Second"})
    shown = reply.body["model"]
    small = Image.open(io.BytesIO(b"".join(bytes(frame.data) for frame in reply.frames)))
    assert small.format == "PNG"
    assert max(small.size) <= 128
    assert shown["id"] == model
    result = ask(client, "apply", {"model": model}, [segments_frame()])
    assert result.body["model"]["name"] == "Second"
    ask(client, "models", {"action": "remove", "model": model})
    gone = ask(client, "apply", {"model": model}, [segments_frame()])
    assert gone.body["code"] == "not-found"


BLACK = frame("edges", np.zeros((SIDE, SIDE, 4), np.uint8))
FLAT = frame("segments", np.full((SIDE, SIDE, 3), 90, np.uint8))
THIN = frame("image", np.zeros((8, 1, 3), np.uint8))
WRONG: dict[str, tuple[str, dict[str, Any], list[Frame], str]] = {
    "sizes differ": ("train", {}, [image_frame(), segments_frame(32)], "64 x 64"),
    "no primitive": ("train", {}, [image_frame()], "segments"),
    "no picture": ("train", {}, [segments_frame()], "picture"),
    "empty edges": ("train", {}, [image_frame(), BLACK], "empty"),
    "one colour": ("train", {}, [image_frame(), FLAT], "colour"),
    "unknown preset": ("train", {"preset": "best"}, pair(), "best"),
    "no such device": ("train", {"device": "cuda:7"}, pair(), "cuda:7"),
    "too few steps": ("train", {"steps": 0}, pair(), "0"),
    "steps no number": ("train", {"steps": "many"}, pair(), "steps"),
    "huge number": ("train", {"seconds": 1e300}, pair(), "seconds"),
    "name too long": ("train", {"name": "x" * 1000}, pair(), "1000"),
    "one pixel wide": ("edges", {}, [THIN], "1"),
    "no picture for edges": ("edges", {}, [], "picture"),
    "unknown method": ("edges", {"method": "sobel"}, [image_frame()], "sobel"),
    "sigma": ("edges", {"sigma": -1}, [image_frame()], "igma"),
    "regions": ("segment", {"regions": 1000}, [image_frame()], "1000"),
    "model and job missing": ("apply", {}, [segments_frame()], "model"),
    "no picture to inspect": ("inspect", {}, [segments_frame()], "picture"),
    "inspect preset": ("inspect", {"preset": "best"}, pair(), "best"),
    "nothing to snap": ("snap", {}, [image_frame()], "segments"),
    "palette no list": ("snap", {"palette": "red"}, [segments_frame()], "palette"),
    "palette of numbers": ("snap", {"palette": [1, 2]}, [segments_frame()], "palette"),
    "palette too bright": ("snap", {"palette": [[0, 0, 256]]}, [segments_frame()], "palette"),
    "palette empty": ("snap", {"palette": []}, [segments_frame()], "1 to 64"),
    "palette twice": ("snap", {"palette": [[1, 2, 3]] * 2}, [segments_frame()], "twice"),
    "empty segments": ("snap", {}, [frame("segments", np.zeros((9, 9, 4)))], "empty"),
    "models action": ("models", {"action": "eat"}, [], "eat"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_answered_with_one_sentence(client: EngineClient, case: str) -> None:
    kind, body, frames, said = WRONG[case]
    reply = ask(client, kind, body, frames)
    assert reply.kind == "error"
    assert reply.body["code"] == "input"
    assert said in reply.body["message"]
    assert reply.body["message"].endswith(".")
    assert "Traceback" not in reply.body["message"]


def test_a_model_of_another_kind_says_so(
    client: EngineClient, trained: tuple[dict[str, Any], list[Reply]]
) -> None:
    model, _ = trained
    edges = ask(client, "edges", {}, [image_frame()]).frames[0]
    reply = ask(client, "apply", {"model": model["id"]}, [edges])
    assert reply.body["code"] == "input"
    assert "segments" in reply.body["message"]


@pytest.mark.parametrize("model", ["0" * 12, "../../keys/engine", "", "x" * 1000])
def test_an_unknown_model_is_not_found(client: EngineClient, model: str) -> None:
    reply = ask(client, "apply", {"model": model}, [segments_frame()])
    assert reply.body["code"] in ("not-found", "input")
    assert ask(client, "models", {"action": "show", "model": model}).kind == "error"


def test_an_unknown_message_is_refused_politely(client: EngineClient) -> None:
    assert ask(client, "sing").body["code"] == "unknown-message"


def _header(**changes: Any) -> dict[str, Any]:
    return {"protocol": 1, "id": new_id(), "kind": "hello", "body": {}, "frames": [], **changes}


@pytest.mark.parametrize(
    "parts",
    [
        [json.dumps(_header(protocol=2)).encode()],
        [json.dumps(_header(protocol="1")).encode()],
        [json.dumps(_header(id="short")).encode()],
        [json.dumps(_header(kind="Hello!")).encode()],
        [json.dumps(_header(body=[])).encode()],
        [json.dumps(_header()).encode(), b"unannounced"],
        [
            json.dumps(
                _header(frames=[{"name": "image", "shape": [2, 2, 4], "dtype": "uint8"}])
            ).encode(),
            b"15 bytes of 16.",
        ],
        [
            json.dumps(
                _header(frames=[{"name": "image", "shape": [90000, 2, 4], "dtype": "uint8"}])
            ).encode(),
            b"",
        ],
        [b"{"],
        [b"[" * 60000],
        [b"\xff\xfe"],
        [b" " * 70000],
        [b""],
    ],
)
def test_what_breaks_the_format_is_answered_and_does_no_harm(
    raw: RawClient, parts: list[bytes]
) -> None:
    raw.say(parts)
    reply = raw.hear()
    assert reply is not None
    assert reply.kind == "error"
    assert reply.body["code"] == "protocol"
    assert reply.body["message"].endswith(".")
    answer = raw.ask("hello")
    assert answer is not None
    assert answer.kind == "result"


def test_another_protocol_version_is_told_which_one_is_spoken(raw: RawClient) -> None:
    message = Message("hello", new_id(), protocol=99)
    raw.say([bytes(part) for part in encode(message)])
    reply = raw.hear()
    assert reply is not None
    assert reply.id == message.id
    assert "protocol 1" in reply.body["message"]
    assert "99" in reply.body["message"]


def test_unknown_fields_are_ignored(raw: RawClient) -> None:
    raw.say([json.dumps(_header(mood="good", body={"colour": "red"})).encode()])
    reply = raw.hear()
    assert reply is not None
    assert reply.kind == "result"
