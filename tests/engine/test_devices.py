"""Where and with how much it is computed."""

import pytest
import torch

from deepsim_engine import devices


@pytest.mark.parametrize("really", [True, False])
def test_one_thread_computes_in_the_block_and_as_many_as_before_after_it(really: bool) -> None:
    usual = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with pytest.raises(ValueError, match="whatever"), devices.one_thread(really):
            assert torch.get_num_threads() == (1 if really else 3)
            raise ValueError("whatever")
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(usual)
