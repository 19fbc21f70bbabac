import hashlib
import io
import os
import random
import resource
import signal

import pytest
from descr.descriptors.errors import FeatureFileError
from descr.descriptors.store import load_features, save_features, seal
from support.trees import network_tree


@pytest.fixture(scope="module")
def tree():
    return network_tree()


@pytest.fixture(scope="module")
def data(tree, tmp_path_factory):
    path = tmp_path_factory.mktemp("sealed") / "tree.nc"
    save_features(tree, path, lossless=True)
    return path.read_bytes()


def reading(path):
    """What reading the file gives: a tree, or an error."""
    try:
        return load_features(path)
    except FeatureFileError as error:
        return error


def check(path, tree):
    """Whether the file gives an equal tree; if not, it must be an error that names the file."""
    result = reading(path)
    if isinstance(result, FeatureFileError):
        assert str(path) in result.message
        assert "\n" not in str(result)
        assert result.hint
        return False
    assert result.identical(tree)
    return True


def test_the_file_itself_is_good(tmp_path, tree, data):
    path = tmp_path / "tree.nc"
    path.write_bytes(data)
    assert check(path, tree)


def test_cut_off_at_every_kibibyte(tmp_path, tree, data):
    path = tmp_path / "tree.nc"
    for size in range(0, len(data), 1024):
        path.write_bytes(data[:size])
        assert not check(path, tree)


@pytest.mark.parametrize("lost", [1, seal.SIZE - 1, seal.SIZE, seal.SIZE + 1])
def test_cut_off_in_the_seal(tmp_path, tree, data, lost):
    path = tmp_path / "tree.nc"
    path.write_bytes(data[:-lost])
    assert not check(path, tree)


def test_lengthened(tmp_path, tree, data):
    path = tmp_path / "tree.nc"
    path.write_bytes(data + b"\n")
    assert not check(path, tree)
    path.write_bytes(data + bytes(100) + data[-seal.SIZE :])
    assert not check(path, tree)


def test_every_byte_of_the_head_flipped(tmp_path, tree, data):
    path = tmp_path / "tree.nc"
    for place in range(seal.HEAD_SIZE):
        damaged = bytearray(data)
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        assert not check(path, tree)


@pytest.mark.parametrize("count", [1, 2, 20])
def test_bytes_flipped_anywhere(tmp_path, tree, data, count):
    path = tmp_path / "tree.nc"
    rng = random.Random(count)
    for _ in range(150):
        damaged = bytearray(data)
        for _ in range(count):
            damaged[rng.randrange(len(data))] ^= rng.randrange(1, 256)
        path.write_bytes(damaged)
        assert check(path, tree) == (damaged == data)


def test_the_seal_flipped_together_with_the_rest(tmp_path, tree, data):
    # Without its mark, what is left looks like a file of another program.
    path = tmp_path / "tree.nc"
    rng = random.Random(0)
    for _ in range(12):
        damaged = bytearray(data)
        for start, stop in ((-seal.SIZE, -seal.SIZE + len(seal.MAGIC)), (0, -seal.SIZE)):
            damaged[rng.choice(range(len(data))[start:stop])] ^= rng.randrange(1, 256)
        path.write_bytes(damaged)
        assert not check(path, tree)


def test_claimed_size_is_that_of_hdf5(data):
    size = seal.claimed_size(data[: seal.HEAD_SIZE])
    assert data[size:].startswith(b'[{"path": "/"')
    assert seal.claimed_size(data[: seal.HEAD_SIZE - 1]) is None
    assert seal.claimed_size(b"\xff" * seal.HEAD_SIZE) is None


@pytest.mark.parametrize(("version", "widths", "place"), [(0, 13, 40), (1, 13, 44), (3, 9, 28)])
def test_claimed_size_of_other_superblocks(version, widths, place):
    head = bytearray(seal.HEAD_SIZE)
    head[8], head[widths] = version, 8
    head[place : place + 8] = (1234567).to_bytes(8, "little")
    assert seal.claimed_size(bytes(head)) == 1234567
    head[widths] = 4
    assert seal.claimed_size(bytes(head)) is None


def checked(data):
    return seal.check(io.BytesIO(data), len(data))


@pytest.mark.parametrize("content", [b"", b"a", bytes(1000), bytes(3 << 20)])
def test_a_seal_is_found_and_checked(content):
    sealed = content + seal.seal_of(content)
    assert len(sealed) == len(content) + seal.MARK_SIZE + seal.SIZE
    assert seal.has_seal(sealed)
    assert seal.has_seal(sealed[-seal.SIZE :])
    assert checked(sealed) == (True, True)
    assert checked(b"x" + sealed) == (False, False)
    assert not seal.has_seal(sealed[:-1])
    assert not seal.has_seal(content)


@pytest.mark.parametrize("content", [b"", b"a", bytes(1000)])
def test_a_seal_without_a_mark_is_intact_and_not_ones_own(content, monkeypatch):
    plain = content + seal.MAGIC + hashlib.sha256(content).digest()
    assert checked(plain) == (True, False)
    monkeypatch.setenv("DESCR_HOME", "/dev/null/nowhere")
    assert content + seal.seal_of(content) == plain


def test_a_mark_of_another_user_or_content_is_not_ones_own(tmp_path, monkeypatch):
    own = b"abc" + seal.seal_of(b"abc")
    mark = own[3 : 3 + seal.MARK_SIZE]
    other = b"abd" + mark
    assert checked(other + seal.MAGIC + hashlib.sha256(other).digest()) == (True, False)
    monkeypatch.setenv("DESCR_HOME", str(tmp_path))
    assert checked(own) == (True, False)
    assert checked(b"abc" + seal.seal_of(b"abc")) == (True, True)


def test_the_secret_is_made_once_for_this_user_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("DESCR_HOME", str(tmp_path / "made"))
    first = seal.seal_of(b"abc")
    key = tmp_path / "made" / "seal.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert seal.seal_of(b"abc") == first


@pytest.mark.parametrize("content", [b"", b"short", bytes(100)])
def test_a_secret_of_another_length_is_made_anew(content, tmp_path, monkeypatch):
    monkeypatch.setenv("DESCR_HOME", str(tmp_path))
    (tmp_path / "seal.key").write_bytes(content)
    assert checked(b"abc" + seal.seal_of(b"abc")) == (True, True)


def test_a_pipe_is_no_secret(tmp_path, monkeypatch):
    monkeypatch.setenv("DESCR_HOME", str(tmp_path))
    os.mkfifo(tmp_path / "seal.key")
    assert checked(b"abc" + seal.seal_of(b"abc")) == (True, False)


def test_a_full_disk_leaves_no_half_secret(tmp_path, monkeypatch):
    monkeypatch.setenv("DESCR_HOME", str(tmp_path))
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8, hard))
    try:
        sealed = b"abc" + seal.seal_of(b"abc")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert checked(sealed) == (True, False)
    assert not list(tmp_path.iterdir())


def test_reading_makes_no_secret(tmp_path, monkeypatch):
    sealed = b"abc" + seal.seal_of(b"abc")
    monkeypatch.setenv("DESCR_HOME", str(tmp_path / "new"))
    assert checked(sealed) == (True, False)
    assert not (tmp_path / "new").exists()


def test_a_folder_within_the_working_folder_keeps_no_secret(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DESCR_HOME", "~nobody-at-all/descr")
    assert checked(b"abc" + seal.seal_of(b"abc")) == (True, False)
    assert not list(tmp_path.iterdir())
