"""Dense flow: a displacement for every pixel, files of it, and images warped by it."""

from .dense import dense_flow, flow_memory
from .drawing import draw_flow, flow_colors, flow_maximum
from .fields import FlowError
from .files import read_flo, read_kitti, write_flo, write_kitti
from .warp import warp

__all__ = [
    "FlowError",
    "dense_flow",
    "draw_flow",
    "flow_colors",
    "flow_maximum",
    "flow_memory",
    "read_flo",
    "read_kitti",
    "warp",
    "write_flo",
    "write_kitti",
]
