"""Pictures side by side with captions."""

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

_MARGIN = 10
_CAPTION = 24
_PAPER = (250, 250, 248)
_INK = (40, 40, 40)


def side_by_side(pictures: Sequence[tuple[str, Image.Image]]) -> Image.Image:
    """One RGB picture with all `pictures` in a row (caption, picture), as large as they are."""
    width = sum(picture.width + _MARGIN for _, picture in pictures) + _MARGIN
    height = max(picture.height for _, picture in pictures) + _CAPTION + 2 * _MARGIN
    sheet = Image.new("RGB", (width, height), _PAPER)
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(15)
    left = _MARGIN
    for caption, picture in pictures:
        sheet.paste(picture.convert("RGB"), (left, _MARGIN))
        pen.text((left, sheet.height - _CAPTION - 2), caption, fill=_INK, font=font)
        left += picture.width + _MARGIN
    return sheet


def super_primitive(segments: Image.Image, edges: Image.Image) -> Image.Image:
    """Edges over segments, as one sees them on the layers."""
    picture = segments.convert("RGB")
    picture.paste(edges.convert("RGB"), (0, 0), edges.getchannel("A"))
    return picture
