"""Photographs: read upright, laid on a canvas, masked."""
