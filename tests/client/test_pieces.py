"""Files as frames and back."""

from deepsim_client.pieces import PIECE, frames_of, piece_of
from deepsim_client.wire import Message, decode, encode, new_id
from hypothesis import given, settings
from hypothesis import strategies as st


@settings(deadline=None)
@given(st.one_of(st.integers(0, 200_000), st.just(32_768 * 3), st.just(PIECE)))
def test_a_piece_comes_out_of_its_message_unchanged(size: int) -> None:
    piece = (bytes(range(251)) * (size // 251 + 1))[:size]
    parts = encode(Message("models", new_id(), {}, frames_of(piece)))
    assert piece_of(decode(parts)) == piece
