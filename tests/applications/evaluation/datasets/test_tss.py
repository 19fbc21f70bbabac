import shutil

import numpy as np
import pytest
from descr.applications.evaluation.datasets import DatasetError, open_dataset
from descr.descriptors import read_image
from support.datasets.tss import make_tss


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    return make_tss(tmp_path_factory.mktemp("made") / "TSS_CVPR2016", side=80)


@pytest.fixture
def copy(sample, tmp_path):
    return shutil.copytree(sample.root, tmp_path / "TSS_CVPR2016")


def test_both_directions_of_every_pair(sample):
    data = open_dataset("tss", sample.root)
    data.check()
    assert [entry.name for entry in data.entries] == [
        *("FG3DCar/001:1-2", "FG3DCar/001:2-1", "FG3DCar/002:1-2", "FG3DCar/002:2-1"),
        *("JODS/Bird_01:1-2", "JODS/Bird_01:2-1", "PASCAL/bike_01:1-2", "PASCAL/bike_01:2-1"),
    ]
    assert data.categories == ("FG3DCar", "JODS", "PASCAL")
    assert len(data.images()) == 8


def test_the_flow_leads_from_the_target_into_the_source(sample):
    data = open_dataset("tss", sample.root)
    assert data.flow_lies_on == "target"
    for pair in data:
        place, direction = pair.name.split(":")
        source, target = sample.views[place][:: 1 if direction == "1-2" else -1]
        for picture, view in ((pair.source, source), (pair.target, target)):
            image = read_image(picture.path)
            assert (image.width, image.height) == (view.width, view.height)
        flow = data.flow(pair)
        assert flow.shape == (target.height, target.width, 2)
        valid = np.isfinite(flow).all(axis=2)
        assert 0.2 < valid.mean() <= 1
        np.testing.assert_allclose(flow[valid], target.flow_to(source)[valid], atol=1e-4)
        y, x = np.argwhere(valid)[7]
        led = np.array([x, y]) + flow[y, x]
        matrix = source.matrix @ np.linalg.inv(target.matrix)
        there = matrix @ [x, y, 1]
        np.testing.assert_allclose(led, there[:2] / there[2], atol=1e-3)


def test_the_mask_is_the_value_255_alone(sample):
    data = open_dataset("tss", sample.root)
    pair = data[0]
    view = sample.views["FG3DCar/001"][1]
    np.testing.assert_array_equal(data.mask(pair.target), view.object)
    assert 128 in data.labels(pair.target)
    with pytest.raises(DatasetError, match=r"no mask of FG3DCar/001/image1\.png"):
        data.mask(pair.source)


def test_flip_notes(tmp_path):
    sample = make_tss(tmp_path, side=48, line_end="\r\n")
    (tmp_path / "JODS/Bird_01/flip_gt.txt").unlink()
    read = {pair.name.split(":")[0]: pair.flags["flip"] for pair in open_dataset("tss", tmp_path)}
    assert {name for name, flip in read.items() if flip == "1"} == sample.mirrored
    (tmp_path / "FG3DCar/001/flip_gt.txt").write_text("maybe")
    with pytest.raises(DatasetError, match="holds 'maybe' where 0 or 1 is expected"):
        open_dataset("tss", tmp_path)[0]


def test_a_subset_alone(copy):
    shutil.rmtree(copy / "JODS")
    shutil.rmtree(copy / "PASCAL")
    data = open_dataset("tss", copy, category="FG3DCar")
    data.check()
    assert len(data) == 4
    assert data.published_pairs == 390
    assert open_dataset("tss", copy).published_pairs == 800


def test_missing_files_are_counted_and_named(copy):
    shutil.rmtree(copy / "JODS")
    with pytest.raises(DatasetError, match=r"is incomplete: no folder JODS \(copy it again"):
        open_dataset("tss", copy).check()
    (copy / "PASCAL/bike_01/flow1.flo").unlink()
    (copy / "PASCAL/bike_01/mask2.png").write_bytes(b"")
    with pytest.raises(DatasetError) as caught:
        open_dataset("tss", copy, category=["FG3DCar", "PASCAL"]).check()
    assert caught.value.message == (
        f"TSS in {copy} is incomplete: 2 of 18 files missing: "
        "1 in PASCAL/bike_01 (flow1.flo); 1 empty (PASCAL/bike_01/mask2.png)"
    )


def test_the_folder_above_points_to_the_right_one(copy):
    with pytest.raises(DatasetError, match="has no folder FG3DCar") as caught:
        len(open_dataset("tss", copy.parent))
    assert str(copy) in caught.value.hint


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[:-8]])
def test_a_damaged_flow_is_named(copy, damage):
    path = copy / "FG3DCar/001/flow2.flo"
    path.write_bytes(damage(path.read_bytes()))
    data = open_dataset("tss", copy)
    with pytest.raises(DatasetError, match=r"001/flow2\.flo"):
        data.flow(data[0])
