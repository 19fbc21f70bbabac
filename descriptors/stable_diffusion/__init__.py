"""Stable Diffusion features."""

from .descriptor import Latent, StableDiffusion
from .noise import Noise

__all__ = ["Latent", "Noise", "StableDiffusion"]
