"""Feature trees and feature maps: what they hold, their grids, and features at points."""
