import pytest
from descr.applications.evaluation.datasets import DATASETS, Dataset, DatasetError, open_dataset
from descr.applications.evaluation.datasets.pair import Pair, Picture
from descr.descriptors.errors import DescrError, OptionError


@pytest.mark.parametrize("name", DATASETS.available())
def test_every_data_set_says_what_it_is(name, tmp_path):
    data = open_dataset(name, tmp_path)
    assert isinstance(data, Dataset)
    assert data.name == name
    assert data.title
    assert data.citation
    assert data.website.startswith("https://")
    assert data.truth in ("points", "flow", "masks")
    assert (data.flow_lies_on is None) == (data.truth != "flow")
    assert data.settings["root"] == str(tmp_path)
    data.check_settings_kept()


@pytest.mark.parametrize("name", DATASETS.available())
@pytest.mark.parametrize("use", [len, list, Dataset.check])
def test_an_empty_folder_is_an_error_that_says_where_to_get_the_data(name, use, tmp_path):
    with pytest.raises(DatasetError) as caught:
        use(open_dataset(name, tmp_path))
    assert str(tmp_path) in caught.value.message
    assert "https://" in caught.value.hint


@pytest.mark.parametrize("name", DATASETS.available())
def test_a_missing_folder_is_an_error(name, tmp_path):
    with pytest.raises(DatasetError, match="does not exist"):
        len(open_dataset(name, tmp_path / "absent"))


@pytest.mark.parametrize("name", DATASETS.available())
def test_a_file_is_no_folder(name, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match="is not a folder"):
        len(open_dataset(name, tmp_path / "file"))


def test_names_of_the_data_sets():
    assert DATASETS.available() == (
        *("spair-71k", "pf-pascal", "pf-willow", "tss", "ap-10k", "davis-2017"),
    )


def test_unknown_names_and_options_list_the_right_ones(tmp_path):
    with pytest.raises(OptionError, match="unknown data set: 'spair'") as caught:
        open_dataset("spair", tmp_path)
    assert "did you mean 'spair-71k'?" in caught.value.hint
    with pytest.raises(OptionError, match="unknown option of data set 'tss': 'split'"):
        open_dataset("tss", tmp_path, split="test")


def test_the_error_is_one_of_the_library():
    assert issubclass(DatasetError, DescrError)


def test_settings_are_frozen(tmp_path):
    data = open_dataset("spair-71k", tmp_path)
    with pytest.raises(AttributeError, match="frozen"):
        data.split = "val"
    assert repr(data).startswith("SPair71k(root=")


def test_what_a_data_set_has_not_is_an_error(tmp_path):
    data = open_dataset("spair-71k", tmp_path)
    picture = Picture(tmp_path / "a.jpg", "a.jpg")
    with pytest.raises(DatasetError, match=r"has no mask of a\.jpg"):
        data.mask(picture)
    with pytest.raises(DatasetError, match="has no flow of one"):
        data.flow(Pair("one", "cat", picture, picture))


def test_one_of_its_own_goes_by_module_and_class(tmp_path, monkeypatch):
    (tmp_path / "data_of_mine.py").write_text(
        "from descr.applications.evaluation.datasets import Dataset, Entry\n"
        "from descr.applications.evaluation.datasets.pair import Pair, Picture\n"
        "class Mine(Dataset):\n"
        "    name = title = 'mine'\n"
        "    citation, website, truth = 'me', 'https://example.org', 'points'\n"
        "    def _list(self):\n"
        "        return [Entry(f'{n}', 'all') for n in range(3)]\n"
        "    def _read(self, entry):\n"
        "        picture = Picture(self.folder / f'{entry.name}.png', entry.name)\n"
        "        return Pair(entry.name, entry.category, picture, picture)\n"
    )
    monkeypatch.chdir(tmp_path)
    data = open_dataset("data_of_mine:Mine", tmp_path)
    assert [pair.name for pair in data] == ["0", "1", "2"]
    assert [pair.name for pair in data.pairs([2, 0])] == ["2", "0"]
    with pytest.raises(DatasetError, match=r"3 of 3 files missing: 3 in \. \(0\.png, 1\.png"):
        data.check()
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(b"x")
    data.check()
