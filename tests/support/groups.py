"""Groups of a file, and all that they hold."""

import numpy as np
from descr.descriptors.store.groups import Array, Group


def layer_group(shape=(3, 2, 2), path="/network/fine"):
    rng = np.random.default_rng(0)
    return Group(
        path,
        {"text": "żółw", "empty": "", "integer": 1, "float": 1.0},
        {
            "features": Array(
                ("channel", "y", "x"), rng.standard_normal(shape).astype(np.float32), {"units": "1"}
            ),
            "y": Array(("y",), np.arange(shape[1]) * 1.5, {"units": "pixel"}),
            "x": Array(("x",), np.arange(shape[2]) * 1.5),
        },
    )


def small_groups():
    return [Group("/", {"descr_schema": 1}), Group("/network", {"a": "b"}), layer_group()]


def described(groups):
    return [
        (
            group.path,
            [(name, type(value), value) for name, value in group.attributes.items()],
            [
                (
                    name,
                    array.dimensions,
                    array.values.dtype,
                    array.values.shape,
                    array.values.tobytes(),
                    dict(array.attributes),
                    array.rounded_bits,
                    array.is_outline,
                )
                for name, array in group.arrays.items()
            ],
        )
        for group in groups
    ]
