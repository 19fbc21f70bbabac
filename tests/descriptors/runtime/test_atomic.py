import errno
import os
import resource
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from descr.descriptors.errors import OutputError
from descr.descriptors.runtime.atomic import check_target, whole_file


@pytest.fixture
def umask():
    old = os.umask(0o027)
    yield 0o027
    os.umask(old)


@pytest.mark.parametrize("kind", [str, Path])
def test_a_new_file_appears_whole(tmp_path, kind):
    target = tmp_path / "out.csv"
    with whole_file(kind(target)) as temporary:
        assert temporary.parent == target.parent
        assert temporary.suffix == ".csv"
        assert temporary.name.startswith(".")
        temporary.write_text("a,b\n")
        assert not target.exists()
    assert target.read_text() == "a,b\n"
    assert os.listdir(tmp_path) == ["out.csv"]


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, failure):
    target = tmp_path / "out.txt"
    target.write_text("old")

    def fail():
        with whole_file(target) as temporary:
            temporary.write_text("half")
            raise failure

    with pytest.raises(failure):
        fail()
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["out.txt"]


def test_a_failure_leaves_no_new_file(tmp_path):
    with pytest.raises(ZeroDivisionError), whole_file(tmp_path / "out.txt"):
        raise ZeroDivisionError
    assert os.listdir(tmp_path) == []


def test_a_writer_that_removed_its_file_is_an_error(tmp_path):
    with pytest.raises(OutputError, match=r"out\.txt"), whole_file(tmp_path / "out.txt") as file:
        file.unlink()
    assert os.listdir(tmp_path) == []


def test_a_new_file_has_the_permissions_of_the_umask(tmp_path, umask):
    with whole_file(tmp_path / "out.txt") as temporary:
        temporary.write_text("new")
    assert stat.S_IMODE((tmp_path / "out.txt").stat().st_mode) == 0o666 & ~umask


def test_a_replaced_file_keeps_its_permissions(tmp_path, umask):
    target = tmp_path / "out.txt"
    target.write_text("old")
    target.chmod(0o604)
    with whole_file(target) as temporary:
        temporary.write_text("new")
    assert stat.S_IMODE(target.stat().st_mode) == 0o604
    assert target.read_text() == "new"


def test_a_link_is_followed_and_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "out.txt").write_text("old")
    link = tmp_path / "link.txt"
    link.symlink_to(tmp_path / "real" / "out.txt")
    with whole_file(link) as temporary:
        temporary.write_text("new")
    assert link.is_symlink()
    assert (tmp_path / "real" / "out.txt").read_text() == "new"


def test_a_name_of_the_greatest_length_is_possible(tmp_path):
    target = tmp_path / ("n" * 251 + ".txt")
    with whole_file(target) as temporary:
        temporary.write_text("new")
    assert target.read_text() == "new"


def test_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with whole_file("out.txt") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "out.txt").read_text() == "new"


def refused(path):
    """The error for an output path: the same before and at the writing, with nothing written."""
    with pytest.raises(OutputError) as before:
        check_target(path)
    with pytest.raises(OutputError) as error, whole_file(path):
        pytest.fail("the block must not be entered")
    assert str(before.value) == str(error.value)
    assert "\n" not in str(error.value)
    assert error.value.hint
    return error.value.message


def test_a_directory_is_no_target(tmp_path):
    assert refused(tmp_path) == f"{tmp_path}: is a directory"


def test_a_missing_folder_is_named(tmp_path):
    message = refused(tmp_path / "none" / "out.txt")
    assert str(tmp_path / "none") in message
    assert "does not exist" in message


def test_a_file_in_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    assert "is not a folder" in refused(tmp_path / "file" / "out.txt")


def test_a_device_is_no_target():
    assert refused(os.devnull) == f"{os.devnull}: is not a regular file"
    assert not Path(os.devnull).is_file()


@pytest.mark.parametrize("name", ["n" * 300, "a\0b", ""])
def test_an_impossible_name(tmp_path, name):
    refused(f"{tmp_path}/{name}")


@pytest.mark.parametrize(("denied", "word"), [("out", "read-only"), ("", "can't write to")])
def test_what_may_not_be_written_is_refused(tmp_path, monkeypatch, denied, word):
    # The superuser may write anywhere, so the answer of the system is given by hand.
    (tmp_path / "out").write_text("old")
    denied_path = str(tmp_path / denied) if denied else str(tmp_path)
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != denied_path)
    assert word in refused(tmp_path / "out")
    assert (tmp_path / "out").read_text() == "old"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_no_room_is_an_output_error(tmp_path, number):
    with pytest.raises(OutputError, match=r"out\.txt.*room"), whole_file(tmp_path / "out.txt"):
        raise OSError(number, os.strerror(number))
    assert os.listdir(tmp_path) == []


def test_other_system_errors_of_the_writer_pass_through(tmp_path):
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "out.txt"):
        raise FileNotFoundError(errno.ENOENT, "no such file", "another.png")


CAUSES = {
    errno.ENOSPC: ("the disk is full", "make room"),
    errno.EDQUOT: ("the disk quota is used up", "make room"),
    errno.EROFS: ("the file system is read-only", "another place"),
    errno.EMFILE: ("too many files are open", "ulimit -n"),
}


@pytest.mark.parametrize("number", CAUSES, ids=errno.errorcode.get)
@pytest.mark.parametrize("step", ["open", "fsync", "replace"])
def test_each_step_that_fails_says_why(tmp_path, monkeypatch, step, number):
    (tmp_path / "out.txt").write_text("old")

    def fail(*arguments):
        raise OSError(number, os.strerror(number), *arguments[:1] if step != "fsync" else ())

    def write():
        with whole_file(tmp_path / "out.txt") as temporary:
            temporary.write_text("new")

    monkeypatch.setattr(os, step, fail)
    reason, hint = CAUSES[number]
    with pytest.raises(OutputError) as error:
        write()
    monkeypatch.undo()
    assert error.value.message == f"{tmp_path / 'out.txt'}: can't be written: {reason}"
    assert hint in error.value.hint
    assert os.listdir(tmp_path) == ["out.txt"]
    assert (tmp_path / "out.txt").read_text() == "old"


@pytest.mark.parametrize("when", ["before it is opened", "before it is renamed"])
def test_a_folder_that_vanishes_is_named(tmp_path, when):
    folder = tmp_path / "folder"
    folder.mkdir()

    def write():
        with whole_file(folder / "out.txt") as temporary:
            if when == "before it is renamed":
                temporary.write_text("new")
            temporary.unlink()
            folder.rmdir()
            if when == "before it is opened":
                temporary.write_text("new")

    with pytest.raises(OutputError, match=r"out\.txt: the folder .*folder does not exist"):
        write()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "error", [PermissionError(errno.EACCES, "Permission denied"), RuntimeError("NetCDF: HDF error")]
)
def test_what_the_netcdf_library_calls_otherwise_is_a_full_disk(tmp_path, error):
    def write():
        with whole_file(tmp_path / "out.nc"):
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
            raise error

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(OutputError, match="the file would be larger than is allowed"):
            write()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(os.name == "nt", reason="no file that is open is removed there")
def test_a_library_that_never_closes_the_file_keeps_no_room(tmp_path):
    held = []

    def write():
        with whole_file(tmp_path / "out.nc") as temporary:
            held.append(temporary.open("wb", buffering=0))
            held[0].write(bytes(100_000))
            raise RuntimeError("NetCDF: HDF error")

    with pytest.raises(OutputError):
        write()
    with held[0] as file:
        assert os.fstat(file.fileno()).st_size == 0
    assert os.listdir(tmp_path) == []


def test_a_killed_writer_leaves_the_old_file(tmp_path):
    target = tmp_path / "out.txt"
    target.write_text("old")
    code = (
        "import os, signal, sys\n"
        "from descr.descriptors.runtime.atomic import whole_file\n"
        "with whole_file(sys.argv[1]) as file:\n"
        "    file.write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(target)], check=False).returncode < 0
    assert target.read_text() == "old"
    with whole_file(target) as temporary:
        temporary.write_text("new")
    assert target.read_text() == "new"


def test_writers_at_the_same_time_never_mix(tmp_path):
    target = tmp_path / "out.txt"
    texts = [letter * 100_000 for letter in "abcd"]
    seen = set()

    def write(text):
        for _ in range(20):
            with whole_file(target) as temporary:
                temporary.write_text(text)
            seen.add(target.read_text())

    threads = [threading.Thread(target=write, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen <= set(texts)
    assert os.listdir(tmp_path) == ["out.txt"]
