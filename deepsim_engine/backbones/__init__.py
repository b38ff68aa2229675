"""Frozen feature networks: what the perceptual loss looks through, and HED's edge detector."""
