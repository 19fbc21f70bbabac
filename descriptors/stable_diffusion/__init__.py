"""Stable Diffusion features."""

from .descriptor import StableDiffusion
from .noise import Noise

__all__ = ["Noise", "StableDiffusion"]
