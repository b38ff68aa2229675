"""Judging methods by the protocol of the paper: train on one frame, paint the held-out ones.

`run.evaluate` does it for a folder; `judges` are the measures, `methods` what is compared.
"""
