import subprocess
import sys

import pytest
from descr import applications, descriptors, matchers
from descr.descriptors.lazy import lazy_names

PACKAGES = (descriptors, matchers, applications)


def test_names_come_from_their_modules_and_others_are_missed() -> None:
    find = lazy_names("descr.applications")
    assert find("transfer_keypoints") is applications.transfer_keypoints
    with pytest.raises(AttributeError, match=r"'descr\.applications' has no attribute 'Warp'"):
        find("Warp")


@pytest.mark.parametrize(
    ("package", "name"), [(package, name) for package in PACKAGES for name in package.__all__]
)
def test_every_public_name_can_be_had(package: object, name: str) -> None:
    assert getattr(package, name) is getattr(package, name)
    assert getattr(getattr(package, name), "__name__", name) == name


def test_importing_a_package_loads_no_library() -> None:
    code = "import sys, descr.descriptors.weights, descr.matchers, descr.applications\n"
    code += (
        "print([one for one in ('torch', 'numpy', 'xarray', 'cv2', 'PIL') if one in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
