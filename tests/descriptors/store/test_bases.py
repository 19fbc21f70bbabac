import json

import netCDF4
import numpy as np
import pytest
from descr.descriptors import Basis, combine
from descr.descriptors.errors import FeatureFileError, ForeignFileError, OutputError
from descr.descriptors.store import save_features
from support.trees import layer, tree


def image(seed):
    rng = np.random.default_rng(seed)
    return tree(
        layer(rng.standard_normal((20, 3, 5)), "sd", "coarse", components=4),
        layer(rng.standard_normal((16, 6, 9)), "sd", "fine"),
        layer(rng.standard_normal((30, 4, 4)), "dino", "token", components=8, weight=0.25),
        name=f"{seed}.png",
    )


@pytest.fixture(scope="module")
def basis():
    return Basis.fit([image(seed) for seed in range(3)], weights={"sd": 2.0})


@pytest.fixture
def path(basis, tmp_path):
    basis.save(tmp_path / "birds.nc")
    return tmp_path / "birds.nc"


@pytest.mark.parametrize("own", [True, False])
def test_a_saved_basis_is_the_same_for_its_owner_and_for_others(
    basis, path, own, tmp_path, monkeypatch
):
    if not own:
        monkeypatch.setenv("DESCR_HOME", str(tmp_path / "somebody else"))
    loaded = Basis.load(path)
    assert loaded.identity == basis.identity
    assert repr(loaded) == repr(basis)
    assert loaded.transform(image(9)).identical(basis.transform(image(9)))
    assert combine([image(7)], basis=loaded)[0].attrs["basis"] == basis.identity


def test_a_basis_is_a_netcdf_file_that_others_read(basis, path):
    with netCDF4.Dataset(path) as file:
        axes = file["dino/token/axes"]
        assert axes.dimensions == ("channel", "component")
        assert np.array_equal(axes[:], basis.projections["dino/token"].axes)
        assert file.identity == basis.identity


def test_every_flipped_byte_is_noticed(path):
    data = path.read_bytes()
    for place in range(0, len(data), max(1, len(data) // 60)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(FeatureFileError):
            Basis.load(path)
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(FeatureFileError, match="cut off"):
        Basis.load(path)


def test_numbers_that_were_altered_are_not_those_of_the_identity(path):
    data = path.read_bytes()
    with netCDF4.Dataset(path, "a") as file:
        file["dino/token/axes"][0, 0] += 1
        file.delncattr("descr_seal")
    with pytest.raises(FeatureFileError, match="not those of its identity"):
        Basis.load(path)
    path.write_bytes(data)
    with netCDF4.Dataset(path, "a") as file:
        file.contents = '{"layers": {}}'
        file.delncattr("descr_seal")
    with pytest.raises(FeatureFileError, match="holds no basis"):
        Basis.load(path)


@pytest.mark.parametrize("channels", [10**12, 0, "16"])
def test_channels_that_no_network_has_are_no_basis(basis, path, channels):
    layers = {**basis.layers, "sd/fine": {**basis.layers["sd/fine"], "channels": channels}}
    with netCDF4.Dataset(path, "a") as file:
        file.contents = json.dumps({**json.loads(file.contents), "layers": layers})
        file.delncattr("descr_seal")
    with pytest.raises(FeatureFileError, match="holds no basis"):
        Basis.load(path)


def test_a_basis_without_its_identity_is_refused(path):
    with netCDF4.Dataset(path, "a") as file:
        file.delncattr("identity")
        file.delncattr("descr_seal")
    with pytest.raises(FeatureFileError, match="not those of its identity"):
        Basis.load(path)


def test_other_files_are_told_apart(tmp_path):
    save_features(image(0), tmp_path / "tree.nc")
    with pytest.raises(ForeignFileError, match="is a feature file, not a basis"):
        Basis.load(tmp_path / "tree.nc")
    with pytest.raises(FeatureFileError, match="no such file"):
        Basis.load(tmp_path / "none.nc")
    (tmp_path / "text.nc").write_text("text")
    with pytest.raises(ForeignFileError, match="not a basis"):
        Basis.load(tmp_path / "text.nc")


def test_what_can_not_be_written_leaves_what_was_there(basis, path, tmp_path):
    with pytest.raises(OutputError):
        basis.save(tmp_path)
    assert Basis.load(path).identity == basis.identity
