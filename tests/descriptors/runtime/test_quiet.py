import logging
import subprocess
import sys
import warnings

from descr.descriptors.runtime.quiet import quiet
from support.models import DINOV2, IMAGES, STABLE_DIFFUSION

EXTRACT = f"""
from descr.descriptors.models.vit.dinov2 import DINOv2
from descr.descriptors.models.diffusion.stable_diffusion import StableDiffusion

for describe in (
    StableDiffusion(model={str(STABLE_DIFFUSION)!r}, size=128, device="cpu", timestep=5),
    DINOv2(model={str(DINOV2)!r}, size=112, device="cpu", layer=1),
):
    describe.extract([{str(IMAGES[0])!r}])
"""


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300
    )


def test_extraction_says_nothing_even_where_the_libraries_were_told_to_talk():
    code = (
        EXTRACT + "\nimport transformers, diffusers\n"
        "transformers.logging.set_verbosity_warning()\n"
        "diffusers.logging.set_verbosity_warning()\n" + EXTRACT + "\n"
        "assert transformers.logging.get_verbosity() == transformers.logging.WARNING\n"
        "assert diffusers.logging.get_verbosity() == diffusers.logging.WARNING\n"
        "assert transformers.logging.is_progress_bar_enabled()\n"
    )
    result = run(code)
    assert result.stdout == ""
    assert result.stderr == ""


def test_the_libraries_are_not_imported_before_they_are_needed():
    run(
        "import sys\n"
        "from descr.descriptors.models.vit.dinov2 import DINOv2\n"
        "from descr.descriptors.models.diffusion.stable_diffusion import StableDiffusion\n"
        f"StableDiffusion(model={str(STABLE_DIFFUSION)!r}, size=128, device='cpu')\n"
        f"DINOv2(model={str(DINOV2)!r}, size=112, device='cpu')\n"
        "assert not {'transformers', 'diffusers', 'huggingface_hub'} & set(sys.modules)\n"
    )


def test_warnings_and_levels_are_the_callers_again_afterwards():
    import transformers
    from transformers.utils import logging as switch

    logger = logging.getLogger("transformers")
    before, shown = logger.level, switch.is_progress_bar_enabled()
    with quiet():
        warnings.warn("not shown", stacklevel=1)
        assert not logger.isEnabledFor(logging.WARNING)
        assert logger.isEnabledFor(logging.ERROR)
        assert not switch.is_progress_bar_enabled()
    assert logger.level == before
    assert switch.is_progress_bar_enabled() == shown
    assert transformers.logging.get_verbosity() == before
