"""The features of a run: what is read is what was looked at."""

import pytest
import torch
from descr.applications.evaluation.run.features import FeatureFolder
from descr.applications.evaluation.run.listing import Listing
from descr.applications.evaluation.run.workers import ignore
from descr.descriptors import read_image, save_features
from descr.descriptors.errors import FeatureFileError


def test_a_file_that_another_run_changed_is_refused(written, describe, tmp_path):
    dataset = written("pf-willow")
    (images,) = Listing.read(dataset, [0]).images.values()
    folder = FeatureFolder(tmp_path, "sift")
    folder.fill(describe, images, ignore, lambda folder, key: None)
    key, other = images
    read = folder.load(key, torch.device("cpu"))
    assert read.image["image_sha256"] == read_image(images[key].path).sha256
    (path,) = tmp_path.rglob(f"{key}.nc")
    save_features(describe.extract([images[other].path])[0], path)
    with pytest.raises(FeatureFileError, match="removed, or made of another image") as error:
        folder.load(key, torch.device("cpu"))
    assert str(path) in error.value.message
    path.unlink()
    with pytest.raises(FeatureFileError, match="removed, or made of another image"):
        folder.load(key, torch.device("cpu"))
