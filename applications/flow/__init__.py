"""Dense flow: a displacement for every pixel, files of it, and images warped by it."""

from .dense import dense_flow
from .drawing import draw_flow
from .fields import FlowError
from .flo import read_flo, write_flo
from .kitti import read_kitti, write_kitti
from .warp import warp
from .wheel import flow_colors, flow_maximum

__all__ = [
    "FlowError",
    "dense_flow",
    "draw_flow",
    "flow_colors",
    "flow_maximum",
    "read_flo",
    "read_kitti",
    "warp",
    "write_flo",
    "write_kitti",
]
