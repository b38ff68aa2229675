"""The thin-plate-spline warp against its defining equations, and what must survive it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import RBFInterpolator
from skimage import data

from deepsim_engine import tps
from deepsim_engine.augment import Augmentation, cutmix, random_warps, random_windows
from deepsim_engine.conditioning import Condition, picture_tensor
from deepsim_engine.primitive import Primitive

CPU = torch.device("cpu")


def displacements(seed: int, count: int = 1, limit: float = 0.1) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return (torch.rand(count, tps.POINTS, 2, generator=random) * 2 - 1) * limit


def whole(size: tuple[int, int], count: int = 1) -> torch.Tensor:
    return tps.window_points(torch.zeros(count, 2), size, size)


@pytest.mark.parametrize("seed", range(3))
def test_warp_agrees_with_a_float64_spline(seed: int) -> None:
    moved = displacements(seed)
    points = whole((23, 31))
    ours = tps.from_displacements(moved).source_of(points)[0].reshape(-1, 2).numpy()
    centres = tps.control_points().numpy()
    reference = RBFInterpolator(
        centres, centres + moved[0].double().numpy(), kernel="thin_plate_spline", degree=1
    )
    np.testing.assert_allclose(ours, reference(points[0].reshape(-1, 2).double()), atol=2e-6)


def test_control_points_are_fetched_from_where_they_were_moved_to() -> None:
    moved = displacements(1, count=4)
    centres = tps.control_points(torch.float32).expand(4, -1, -1)
    torch.testing.assert_close(
        tps.from_displacements(moved).source_of(centres), centres + moved, atol=2e-6, rtol=0
    )


@given(a=st.floats(-0.3, 0.3), b=st.floats(-0.3, 0.3), shift=st.floats(-0.2, 0.2))
@settings(max_examples=25, deadline=None)
def test_an_affine_move_of_the_control_points_bends_nothing(
    a: float, b: float, shift: float
) -> None:
    matrix = torch.tensor([[1 + a, b], [-b, 1 + a]])
    centres = tps.control_points(torch.float32)
    warp = tps.from_displacements((centres @ matrix + shift - centres)[None])
    points = whole((9, 12))
    torch.testing.assert_close(warp.source_of(points), points @ matrix + shift, atol=1e-5, rtol=0)


def test_points_warped_in_parts_lie_where_they_lie_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    warps, points = tps.from_displacements(displacements(5, 2)), whole((30, 40), 2)
    together = warps.source_of(points)
    monkeypatch.setattr("deepsim_engine.tps._CHUNK", 100)
    torch.testing.assert_close(warps.source_of(points), together, atol=1e-6, rtol=0)


def test_no_displacement_gives_the_picture_back() -> None:
    picture = picture_tensor(data.rocket()[:40, :60], CPU)
    points = tps.from_displacements(torch.zeros(1, tps.POINTS, 2)).source_of(whole((40, 60)))
    torch.testing.assert_close(tps.sample(picture, points)[0], picture, atol=1e-4, rtol=0)


def test_mirrored_warps_mirror_left_and_right() -> None:
    picture = torch.rand(3, 8, 11)
    warp = tps.from_displacements(torch.zeros(1, tps.POINTS, 2), torch.tensor([True]))
    sampled = tps.sample(picture, warp.source_of(whole((8, 11))))[0]
    torch.testing.assert_close(sampled, picture.flip(2), atol=1e-5, rtol=0)


def test_a_window_equals_the_same_window_of_the_whole_warped_picture() -> None:
    picture = picture_tensor(data.chelsea(), CPU)
    size = (picture.shape[1], picture.shape[2])
    warp = tps.from_displacements(displacements(5))
    origin = torch.tensor([[70.0, 33.0]])
    window = tps.sample(picture, warp.source_of(tps.window_points(origin, (16, 24), size)))
    everything = tps.sample(picture, warp.source_of(whole(size)))
    torch.testing.assert_close(window, everything[:, :, 70:86, 33:57], atol=2e-4, rtol=0)


def test_the_work_of_a_crop_does_not_grow_with_the_picture() -> None:
    small = random_windows(2, (32, 32), (64, 64), torch.Generator(), CPU)
    large = random_windows(2, (32, 32), (4096, 4096), torch.Generator(), CPU)
    assert small.shape == large.shape == (2, 32, 32, 2)


def pair() -> tuple[torch.Tensor, Condition]:
    """A picture that shows its own class: class k is painted as k / 4, the edge is where it is."""
    rows, columns = np.mgrid[:48, :64]
    segments = np.zeros((48, 64, 3), np.uint8)
    segments[(rows - 20) ** 2 + (columns - 30) ** 2 < 180] = (250, 30, 30)
    segments[30:, 40:] = (20, 200, 40)
    edges = np.zeros((48, 64), bool)
    edges[10, 5:50] = True
    primitive = Primitive.from_layers(segments=segments, edges=edges)
    assert primitive.classes is not None
    picture = torch.from_numpy(primitive.classes.astype(np.float32) / 4)[None]
    return picture, Condition.of(primitive, CPU)


def test_picture_and_primitive_get_the_same_warp() -> None:
    picture, condition = pair()
    points = random_warps(6, Augmentation(), torch.Generator().manual_seed(0), CPU).source_of(
        whole(condition.size, 6)
    )
    x, y = condition.at(points), tps.sample(picture, points, "nearest")
    classes = x[:, : condition.class_count].argmax(1, keepdim=True)
    assert torch.equal(classes.float() / 4, y)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_warped_segments_stay_exact_classes(seed: int) -> None:
    _, condition = pair()
    warps = random_warps(2, Augmentation(), torch.Generator().manual_seed(seed), CPU)
    x = condition.at(warps.source_of(whole(condition.size, 2)))[:, : condition.class_count]
    assert set(x.unique().tolist()) <= {0.0, 1.0}
    assert torch.equal(x.sum(1), torch.ones_like(x[:, 0]))


def test_warped_lines_stay_thin_and_whole() -> None:
    _, condition = pair()
    still = condition.drawn(condition.encode())[:, -1]
    assert still.sum() == 45  # the line itself and nothing more
    warps = random_warps(8, Augmentation(flip=False), torch.Generator().manual_seed(3), CPU)
    lines = condition.drawn(condition.at(warps.source_of(whole(condition.size, 8))))[:, -1]
    for line in lines:
        inside = line[:, 16:40]  # columns that the line crosses however it is warped
        assert inside.any(0).all(), "the line is broken"
        assert inside.sum(0).mean() < 2, "the line is thick"


def test_augmentations_stay_within_their_strength() -> None:
    still = Augmentation(tps=0, flip=False)
    random = torch.Generator().manual_seed(0)
    points = whole((5, 7), 50)
    assert torch.allclose(random_warps(50, still, random, CPU).source_of(points), points, atol=1e-5)
    turned = Augmentation(tps=0, flip=False, rotation=10)
    moved = random_warps(50, turned, random, CPU).source_of(points)
    before, after = points - 0.5, moved - 0.5
    torch.testing.assert_close(after.norm(dim=-1), before.norm(dim=-1), atol=1e-5, rtol=0)
    assert (moved - points).abs().max() > 0.02
    wide = random_warps(50, turned, random, CPU, aspect=7 / 5).source_of(points)
    square = torch.tensor([7.0, 5.0])
    before, after = (points - 0.5) * square, (wide - 0.5) * square
    torch.testing.assert_close(after.norm(dim=-1), before.norm(dim=-1), atol=1e-4, rtol=0)
    sheared = random_warps(50, Augmentation(tps=0, flip=False, shear=0.2), random, CPU)
    moved = sheared.source_of(points) - points
    assert 0.02 < moved[..., 0].abs().max() <= 0.1
    assert moved[..., 1].abs().max() < 1e-5
    shifted = random_warps(50, Augmentation(tps=0, flip=False, translation=0.1), random, CPU)
    offset = shifted.source_of(points) - points
    assert offset.abs().max() <= 0.1 + 1e-5
    torch.testing.assert_close(offset, offset[:, :1, :1].expand_as(offset), atol=1e-5, rtol=0)
    plain = random_warps(50, Augmentation(flip=False, plain=1.0), random, CPU)
    assert torch.allclose(plain.source_of(points), points, atol=1e-5)


def test_half_of_the_samples_are_mirrored() -> None:
    warps = random_warps(400, Augmentation(), torch.Generator().manual_seed(0), CPU)
    assert 150 < int(warps.mirrored.sum()) < 250


def test_cutmix_pastes_one_rectangle_of_the_neighbour_into_both() -> None:
    x, y = torch.zeros(2, 4, 20, 20), torch.zeros(2, 3, 20, 20)
    x[1], y[1] = 1, 1
    mixed_x, mixed_y = cutmix([x, y], 1.0, torch.Generator().manual_seed(0))
    assert torch.equal(mixed_x[:, :3], mixed_y)
    assert 0 < mixed_x[0].mean() < 0.5
    assert cutmix([x, y], 0.0, torch.Generator())[0] is x


def test_windows_lie_inside_the_picture() -> None:
    points = random_windows(100, (16, 16), (20, 50), torch.Generator().manual_seed(0), CPU)
    assert points.min() > 0
    assert points.max() < 1
