import errno
import json
import os
import resource

import numpy as np
import pytest
from descr.applications.evaluation.run.journal import Journal, pack_answers, unpack_answers
from descr.descriptors.errors import OutputError
from hypothesis import given, settings
from hypothesis import strategies as st

WORK = {"dataset": "tss", "settings": {"seed": 3}}


def test_records_are_there_again(tmp_path):
    path = tmp_path / "deep" / "run.journal"
    with Journal(path, WORK) as journal:
        assert list(journal.records()) == []
        journal.add(b"one")
        journal.add(b"")
        journal.add(bytes(range(256)) * 40)
        assert len(list(journal.records())) == 3
    with Journal(path, WORK) as journal:
        assert journal.differs == ()
        assert list(journal.records()) == [b"one", b"", bytes(range(256)) * 40]
        journal.add(b"four")
        assert len(list(journal.records())) == 4


@settings(max_examples=30, deadline=None)
@given(cut=st.integers(0, 150))
def test_what_is_half_written_is_cut_off(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("journal") / "run.journal"
    records = [b"first", b"second" * 5, b"third"]
    with Journal(path, WORK) as journal:
        for record in records:
            journal.add(record)
    whole = path.read_bytes()
    path.write_bytes(whole[: max(0, len(whole) - cut)])
    with Journal(path, WORK) as journal:
        left = list(journal.records())
        assert left == records[: len(left)]
        assert cut > 0 or left == records
        journal.add(b"again")
    with Journal(path, WORK) as journal:
        assert list(journal.records()) == [*left, b"again"]


def test_a_damaged_record_is_cut_off_with_what_follows(tmp_path):
    path = tmp_path / "run.journal"
    with Journal(path, WORK) as journal:
        for record in (b"first", b"second", b"third"):
            journal.add(record)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"second", b"sEcond"))
    with Journal(path, WORK) as journal:
        assert list(journal.records()) == [b"first"]


def test_other_work_begins_anew_and_says_what_differs(tmp_path):
    path = tmp_path / "run.journal"
    with Journal(path, WORK) as journal:
        journal.add(b"first")
    with Journal(path, {**WORK, "settings": {"seed": 4}, "more": 1}) as journal:
        assert journal.differs == ("more", "settings")
        assert list(journal.records()) == []


@pytest.mark.parametrize(
    "content",
    [json.dumps(WORK).encode(), b"\0" * 100, b"descr journal 2\n"],
    ids=["json", "zeros", "newer"],
)
def test_another_file_is_no_journal_and_stays_as_it_is(tmp_path, content):
    path = tmp_path / "run.journal"
    path.write_bytes(content)
    with pytest.raises(OutputError, match="is no journal of a run"):
        Journal(path, WORK)
    assert path.read_bytes() == content


def test_an_empty_file_becomes_a_journal(tmp_path):
    path = tmp_path / "run.journal"
    path.touch()
    with Journal(path, WORK) as journal:
        journal.add(b"one")
    assert path.stat().st_size > 0


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs the links and pipes of POSIX")
def test_what_somebody_put_in_its_place_is_not_followed(tmp_path):
    victim, path = tmp_path / "victim", tmp_path / "run.journal"
    for target in (b"precious", None):
        if target is not None:
            victim.write_bytes(target)
        else:
            victim.unlink()
        path.symlink_to(victim)
        with pytest.raises(OutputError, match="can't be written"):
            Journal(path, WORK)
        assert victim.exists() == (target is not None)
        path.unlink()
    os.mkfifo(path)
    with pytest.raises(OutputError, match="can't be written"):
        Journal(path, WORK)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs the permissions of POSIX")
def test_a_journal_is_written_by_its_user_alone(tmp_path):
    before = os.umask(0o027)
    try:
        with Journal(tmp_path / "run.journal", WORK):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / "run.journal").stat().st_mode & 0o777 == 0o640


def test_two_runs_do_not_write_one_journal(tmp_path):
    pytest.importorskip("fcntl", reason="the system has no such locks")
    path = tmp_path / "run.journal"
    with Journal(path, WORK) as journal:
        journal.add(b"first")
        with pytest.raises(OutputError, match="another run is at work"):
            Journal(path, {"other": "work"})
    with Journal(path, WORK) as journal:
        assert list(journal.records()) == [b"first"]


def test_a_journal_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OutputError, match="can't be written"):
        Journal(tmp_path / "file" / "run.journal", WORK)
    os.mkdir(tmp_path / "folder")
    with pytest.raises(OutputError, match="can't be written"):
        Journal(tmp_path / "folder", WORK)


@pytest.mark.parametrize("room", [0, 10, 170, 1000], ids="{} bytes".format)
def test_a_journal_for_which_there_is_no_room_keeps_what_it_holds(tmp_path, room):
    path = tmp_path / "run.journal"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    records = [bytes([number]) * 300 for number in range(5)]
    written = []

    def write():
        with Journal(path, WORK) as journal:
            for record in records:
                journal.add(record)
                written.append(record)

    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        with pytest.raises(OutputError) as error:
            write()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert error.value.message == (
        f"{path}: can't be written: the file would be larger than is allowed"
    )
    assert "make room" in error.value.hint
    assert (len(written) > 0) == (room == 1000)
    with Journal(path, WORK) as journal:
        assert list(journal.records()) == written
        journal.add(b"again")
    with Journal(path, WORK) as journal:
        assert list(journal.records()) == [*written, b"again"]


def test_a_journal_that_the_disk_refuses_in_the_end_is_told(tmp_path, monkeypatch):
    def fail(number):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    with (
        pytest.raises(OutputError, match=r"run\.journal: can't be written: the disk is full"),
        Journal(tmp_path / "run.journal", WORK) as journal,
    ):
        journal.add(b"one")


SHAPES = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=6)


@settings(max_examples=50, deadline=None)
@given(shapes=SHAPES, seed=st.integers(0, 2**16))
def test_answers_come_back_to_their_places_bit_for_bit(shapes, seed):
    random = np.random.default_rng(seed)
    places = random.permutation(1000)[: len(shapes)].tolist()
    answers = [
        {
            "target_x": np.where(random.random(shape) < 0.2, np.nan, random.random(shape)),
            "score": random.random(shape[0]).astype(np.float32),
            "matched": random.random(shape[1]) < 0.5,
        }
        for shape in shapes
    ]
    result = unpack_answers(pack_answers(places, answers))
    assert list(result) == places
    for place, wanted in zip(places, answers, strict=True):
        assert list(result[place]) == list(wanted)
        for name, values in wanted.items():
            assert result[place][name].dtype == values.dtype
            np.testing.assert_array_equal(result[place][name], values)


def test_every_byte_of_a_record_belongs_to_an_answer():
    with pytest.raises(ValueError, match="belong to no array"):
        unpack_answers(pack_answers([3], [{"score": np.float32([0.1, 0.2])}]) + b"x")
