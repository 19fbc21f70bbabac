import shutil

import numpy as np
import pytest
from descr.applications.evaluation.datasets import DatasetError, open_dataset
from descr.descriptors.errors import OptionError
from support.datasets.davis import make_davis


@pytest.fixture
def sample(tmp_path):
    return make_davis(tmp_path / "DAVIS", side=48)


def test_videos_are_read_as_they_were_made(sample):
    data = open_dataset("davis-2017", sample.root)
    data.check()
    assert [video.name for video in data.videos] == list(sample.labels)
    for video in data.videos:
        assert [path.name for path in video.frames] == [f"{n:05d}.jpg" for n in range(4)]
        assert [path.name for path in video.masks] == [f"{n:05d}.png" for n in range(4)]
        assert data.objects(video) == (1, 2)


def test_pairs_lead_from_the_first_frame_to_every_other(sample):
    data = open_dataset("davis-2017", sample.root)
    read = list(data)
    assert [pair.name for pair in read[:3]] == [f"blackswan:00000-0000{n}" for n in (1, 2, 3)]
    assert data.categories == ("blackswan", "camel")
    assert len(read) == 6
    for pair in read:
        frame = int(pair.name[-1])
        labels = sample.labels[pair.category]
        np.testing.assert_array_equal(data.labels(pair.source), labels[0])
        np.testing.assert_array_equal(data.labels(pair.target), labels[frame])
        np.testing.assert_array_equal(data.mask(pair.target), np.isin(labels[frame], (1, 2)))
        assert pair.target.key == f"JPEGImages/480p/{pair.category}/{frame:05d}.jpg"
    assert 255 in data.labels(read[2].target)


def test_the_training_videos_and_windows_line_ends(tmp_path):
    make_davis(tmp_path, split="train", side=32, frames=2, line_end="\r\n")
    data = open_dataset("davis-2017", tmp_path, split="train")
    data.check()
    assert len(data) == 2
    with pytest.raises(DatasetError, match=r"cannot read .*val\.txt"):
        len(open_dataset("davis-2017", tmp_path))


def test_a_video_alone(sample):
    shutil.rmtree(sample.root / "Annotations/480p/blackswan")
    data = open_dataset("davis-2017", sample.root, category="camel")
    data.check()
    assert [video.name for video in data.videos] == ["camel"]
    assert {pair.category for pair in data} == {"camel"}
    with pytest.raises(OptionError, match="unknown category of DAVIS 2017: 'camels'"):
        len(open_dataset("davis-2017", sample.root, category="camels"))


def test_missing_files_are_counted_and_named(sample):
    (sample.root / "Annotations/480p/camel/00002.png").unlink()
    (sample.root / "JPEGImages/480p/camel/00000.jpg").unlink()
    with pytest.raises(DatasetError) as caught:
        open_dataset("davis-2017", sample.root).check()
    assert caught.value.message == (
        f"DAVIS 2017 in {sample.root} is incomplete: 2 of 16 files missing: "
        "1 in Annotations/480p/camel (00002.png); 1 in JPEGImages/480p/camel (00000.jpg)"
    )
    shutil.rmtree(sample.root / "JPEGImages/480p/blackswan")
    with pytest.raises(DatasetError, match="is incomplete: no folder JPEGImages/480p/blackswan"):
        open_dataset("davis-2017", sample.root).check()


def test_the_other_resolution_is_another_folder(sample):
    with pytest.raises(DatasetError, match="no folder JPEGImages/Full-Resolution/blackswan"):
        open_dataset("davis-2017", sample.root, resolution="Full-Resolution").check()
    (sample.root / "JPEGImages/480p").rename(sample.root / "JPEGImages/Full-Resolution")
    (sample.root / "Annotations/480p").rename(sample.root / "Annotations/Full-Resolution")
    data = open_dataset("davis-2017", sample.root, resolution="Full-Resolution")
    data.check()
    assert len(data) == 6
