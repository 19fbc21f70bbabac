import json

import pytest
from descr.applications.evaluation.datasets import DATASETS
from descr.applications.evaluation.protocols.protocol import PROTOCOLS, Protocol, protocol_of
from descr.descriptors.errors import OptionError


def test_one_line_says_all_of_it():
    protocol = Protocol(
        "spair-71k",
        "test",
        "PCK",
        alphas=[0.1, 0.05, 0.005],
        threshold="bbox",
        average="per-point",
        comparison="<",
        detail="2 of 18 classes",
    )
    assert protocol.line() == (
        "spair-71k test | PCK@0.10/0.05/0.005 | bbox | per-point | < | 2 of 18 classes"
    )


def test_what_is_not_stated_is_printed_as_such():
    line = Protocol("tss", "", "flow PCK", alphas=(0.05,), subset="JODS").line()
    assert line == (
        "tss JODS | flow PCK@0.05 | threshold not stated | average not stated | < or <= not stated"
    )


def test_masks_have_no_threshold():
    assert Protocol("davis-2017", "val", "J&F").line() == "davis-2017 val | J&F"


def test_a_record_goes_through_json():
    for protocol in PROTOCOLS.values():
        record = json.loads(json.dumps(protocol.record()))
        assert Protocol(**{**record, "alphas": tuple(record["alphas"])}) == protocol


@pytest.mark.parametrize(
    "change",
    [
        {"metric": "EPE"},
        {"threshold": "box"},
        {"average": "mean"},
        {"comparison": ">"},
        {"alphas": ()},
        {"alphas": (0.1, -0.1)},
    ],
)
def test_a_protocol_that_does_not_exist_is_refused(change):
    with pytest.raises(OptionError):
        Protocol(**{"dataset": "tss", "split": "", "metric": "PCK", "alphas": (0.1,), **change})


def test_every_data_set_has_a_protocol():
    assert set(DATASETS.builtin) <= set(PROTOCOLS)
    assert protocol_of("tss").comparison == "<="
    with pytest.raises(OptionError, match="spair") as error:
        protocol_of("spair")
    assert "spair-71k" in error.value.hint
