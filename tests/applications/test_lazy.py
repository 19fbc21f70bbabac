import pytest
from descr import applications
from descr.applications.lazy import lazy_names


def test_names_come_from_their_modules_and_others_are_missed() -> None:
    find = lazy_names("descr.applications", {".keypoints": "NamedPoints transfer_keypoints"})
    assert find("transfer_keypoints") is applications.transfer_keypoints
    with pytest.raises(AttributeError, match=r"'descr\.applications' has no attribute 'warp'"):
        find("warp")


@pytest.mark.parametrize("name", applications.__all__)
def test_every_public_name_can_be_had(name: str) -> None:
    assert getattr(applications, name).__name__ == name
