import pytest
from descr.applications.evaluation.datasets import DatasetError
from descr.applications.evaluation.datasets.inventory import Inventory
from hypothesis import given, settings
from hypothesis import strategies as st


def inventory(root):
    return Inventory(root, title="Some Set", hint="copy it from the shelf")


def test_nothing_missing_is_no_error(tmp_path):
    (tmp_path / "a").write_text("x")
    result = inventory(tmp_path)
    result.need(tmp_path / "a")
    result.need_folder(tmp_path)
    result.raise_if_incomplete()


def test_files_are_counted_once(tmp_path):
    result = inventory(tmp_path)
    for _ in range(3):
        result.need(tmp_path / "a")
    with pytest.raises(DatasetError, match=r"1 of 1 file missing: 1 in \. \(a\)") as caught:
        result.raise_if_incomplete()
    assert caught.value.hint == "copy it from the shelf"


def test_the_highest_missing_folder_is_named(tmp_path):
    result = inventory(tmp_path)
    for name in ("x/y/one", "x/z/two"):
        result.need(tmp_path / name)
    with pytest.raises(
        DatasetError, match=r"2 of 2 files missing: the folder x \(2 files\) \(copy"
    ):
        result.raise_if_incomplete()


def test_folders_of_unknown_contents_come_first(tmp_path):
    result = inventory(tmp_path)
    result.need(tmp_path / "a")
    result.need_folder(tmp_path / "b")
    with pytest.raises(DatasetError) as caught:
        result.raise_if_incomplete()
    assert caught.value.message == (
        f"Some Set in {tmp_path} is incomplete: no folder b; 1 of 1 file missing: 1 in . (a)"
    )


@settings(max_examples=25, deadline=None)
@given(there=st.sets(st.integers(0, 20)), empty=st.sets(st.integers(0, 20)))
def test_the_count_is_that_of_absent_and_empty_files(tmp_path_factory, there, empty):
    root = tmp_path_factory.mktemp("set")
    for number in there:
        (root / str(number)).write_text("" if number in empty else "x")
    result = inventory(root)
    for number in range(21):
        result.need(root / str(number))
    lacking = 21 - len(there - empty)
    if not lacking:
        result.raise_if_incomplete()
        return
    with pytest.raises(DatasetError, match=f" {lacking} of 21 files missing: "):
        result.raise_if_incomplete()


def test_a_message_spells_out_eight_folders(tmp_path):
    result = inventory(tmp_path)
    for number in range(12):
        result.need(tmp_path / f"folder{number:02d}" / "a")
    with pytest.raises(DatasetError) as caught:
        result.raise_if_incomplete()
    assert caught.value.message.startswith(f"Some Set in {tmp_path} is incomplete: 12 of 12 files")
    assert caught.value.message.endswith("the folder folder07 (1 file); and in 4 more folders")
