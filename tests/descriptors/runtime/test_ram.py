import psutil
from descr.descriptors.runtime.ram import free_ram, left_in_groups


def test_what_is_free_is_within_the_machine():
    assert 0 <= free_ram() <= psutil.virtual_memory().total + psutil.swap_memory().total


def test_the_limit_of_each_control_group_counts(tmp_path):
    inner = tmp_path / "pod" / "container"
    inner.mkdir(parents=True)
    for folder, limit in ((tmp_path, None), (tmp_path / "pod", "1000"), (inner, "max")):
        if limit is not None:
            (folder / "memory.max").write_text(f"{limit}\n")
            (folder / "memory.current").write_text("400\n")
            (folder / "memory.stat").write_text(
                "anon 50\nactive_file 20\ntotal_active_file 30\ninactive_file 100\n"
            )
    left = left_in_groups("/pod/container", str(tmp_path), "memory.max", "memory.current")
    assert list(left) == [1000 - 400 + 30 + 100]
    assert not list(left_in_groups("/other", str(tmp_path), "memory.max", "memory.current"))
