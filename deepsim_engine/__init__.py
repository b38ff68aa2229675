"""Deep single-image manipulation: learn, from one pair, to turn a drawing into a picture."""
