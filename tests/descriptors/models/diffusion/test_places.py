import pytest
from descr.descriptors.errors import OptionError
from descr.descriptors.models.diffusion.places import choose_places, find_places

SD = {"up_block_types": ["UpBlock2D", *["CrossAttnUpBlock2D"] * 3], "layers_per_block": 2}
XL = {"up_block_types": [*["CrossAttnUpBlock2D"] * 2, "UpBlock2D"], "layers_per_block": 2}


def test_places_of_stable_diffusion_1_and_2():
    places = find_places(SD, 8)
    assert list(places) == [*(f"decoder_{k}" for k in range(1, 12)), *(f"up_{i}" for i in range(4))]
    assert {name: (at.block, at.step) for name, at in places.items() if "decoder" in name} == {
        f"decoder_{k}": divmod(k - 1, 3) for k in range(1, 12)
    }
    strides = [place.stride for place in places.values()]
    assert strides == [64, 64, 32, 32, 32, 16, 16, 16, 8, 8, 8, 32, 16, 8, 8]


def test_an_up_block_ends_with_the_state_that_enters_the_next():
    places = find_places(SD, 8)
    for block in range(3):
        assert places[f"up_{block}"] == places[f"decoder_{3 * block + 3}"]
    assert places["up_3"] not in [place for name, place in places.items() if "decoder" in name]


def test_places_of_xl_are_fewer():
    places = find_places(XL, 8)
    assert list(places) == [*(f"decoder_{k}" for k in range(1, 9)), "up_0", "up_1", "up_2"]
    assert [places[name].stride for name in ("decoder_2", "up_0", "up_1", "up_2")] == [32, 16, 8, 8]


def test_levels_may_have_their_own_depth():
    places = find_places({"up_block_types": ["UpBlock2D"] * 2, "layers_per_block": [1, 3]}, 8)
    # Given from the finest level on, as the encoder sees them; the decoder starts at the other.
    assert [(p.block, p.step) for n, p in places.items() if "decoder" in n] == [
        (0, 0),
        (0, 1),
        (0, 2),
        (0, 3),
        (1, 0),
    ]


def test_the_last_place_is_the_furthest():
    places = choose_places(["decoder_8", "up_0", "decoder_2"], find_places(SD, 8))
    assert max(places.values()) == places["decoder_8"]
    assert list(places) == ["decoder_8", "up_0", "decoder_2"]


@pytest.mark.parametrize("layers", [None, [], 3, "decoder_9", ["decoder_9"], [3]])
def test_a_layer_that_the_model_lacks_is_refused_with_those_it_has(layers):
    with pytest.raises(OptionError, match=r"decoder_1, .*decoder_8, up_0, up_1, up_2"):
        choose_places(layers, find_places(XL, 8))
