"""Pixels of Krita's layers in and out, in slices that leave the UI thread free in between."""
