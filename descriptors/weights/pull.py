"""The weights of a model into the cache: the one thing that touches the network."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ..runtime.atomic import whole_file
from ..runtime.quiet import hub_silenced
from .cache import cache_folder, captioner_folder, make_folder
from .captioner import CHECKPOINT, SOURCE
from .checkpoint import Checkpoint
from .download import Progress, download, is_whole, local_size, retry_while_busy
from .errors import DownloadError, UnusableRepositoryError, explained
from .find import cached, read_snapshot
from .folders import CLIP, PRECISIONS, conversion, family_of, read_folder, read_shards, weight_names
from .hub import Hub, RemoteFile, Repository, connected, hub_address, read_repository
from .model import Model
from .table import IMAGE_ENCODER, find_model


def pull(
    name: str, *, precision: str | None = None, progress: Progress | None = None
) -> Checkpoint:
    """The weights of a model of the table, downloaded to the hub's cache unless they are there.

    The first of the model's repositories that has all that is needed gives it, safetensors only. A
    pull that was stopped goes on where it stopped. `HF_HOME`, `HF_HUB_CACHE`, `HF_ENDPOINT` and
    `HF_TOKEN` are respected.

    Args:
        name: A name of `MODELS`.
        precision: Which variant of the weights, "float16" or "float32"; by default half precision
            where it is published. The other one is taken, which is said, where a repository lacks
            this one. Both may lie side by side.
        progress: Told of each step; nobody by default.

    Raises:
        DownloadError: No repository can give the weights, the hub can't be reached or refuses, or
            the disk has no room for them; what has arrived is kept.
        OptionError: The name or the precision is not known.
    """
    model = find_model(name)
    progress = progress or Progress()
    checkpoint = cached(name, precision=precision)
    if checkpoint and (checkpoint.precision == precision or not (precision and model.half)):
        progress.say("on this machine already")
        return checkpoint
    if model.package:
        message = f"{name} can't be downloaded: an installed package brings it"
        raise DownloadError(message, hint=model.install)
    if not model.repositories:
        raise DownloadError(
            f"{name} can't be downloaded: it is made from the authors' checkpoint",
            hint=f"get {CHECKPOINT} from {SOURCE}, then: descr models convert {CHECKPOINT}; "
            f"then: descr models pull {IMAGE_ENCODER}",
        )
    switches = [os.environ.get(name, "") for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")]
    if any(switch.upper() in {"1", "ON", "YES", "TRUE"} for switch in switches):
        hint = "unset HF_HUB_OFFLINE and TRANSFORMERS_OFFLINE for this command"
        raise DownloadError("a pull needs the network, and offline mode is on", hint=hint)
    refusals: list[UnusableRepositoryError] = []
    for repository in model.repositories:
        if refusals:
            progress.say(f"{refusals[-1].message}; taking {repository}")
        errors = explained(repository, hub_address(), cache_folder())
        try:
            with errors, hub_silenced(), connected() as hub:
                return _pull_from(hub, repository, model, precision, progress)
        except UnusableRepositoryError as error:
            refusals.append(error)
    raise _none_left(model, refusals)


def _pull_from(
    hub: Hub, name: str, model: Model, precision: str | None, progress: Progress
) -> Checkpoint:
    repository = retry_while_busy(lambda: read_repository(hub, name), progress.say)
    files = _choose(model, repository, precision or model.precision, progress)
    snapshot = repository.snapshot
    with _alone(repository):
        for index in [file for file in files if ".safetensors.index." in file.name]:
            _get(repository, index, progress)
            for shard in read_shards(snapshot / index.name):
                files.append(repository.file(shard.relative_to(snapshot).as_posix()))
        # Files of equal content, such as the vocabularies of two tokenizers, arrive once.
        contents = {file.etag: file for file in files}.values()
        done = sum(local_size(repository, file) for file in contents)
        total = sum(file.size for file in contents)
        _check_room(total - done, repository.cache, model)
        progress.start(total, done)
        for file in files:
            progress.file(file.name)
            _get(repository, file, progress)
        checkpoint = read_snapshot(model, snapshot, precision)
        if checkpoint is None:
            read_folder(snapshot, model)
            raise DownloadError(f"{name}: lacks files that {model.name} needs")
        _write_main(repository)
    return checkpoint


def _get(repository: Repository, file: RemoteFile, progress: Progress) -> None:
    from huggingface_hub.file_download import are_symlinks_supported

    blob, placed = repository.places(file)
    if is_whole(placed, file):
        return
    if not is_whole(blob, file):
        download(repository, file, progress)
    placed.unlink(missing_ok=True)
    if are_symlinks_supported(repository.cache):
        placed.symlink_to(os.path.relpath(blob, placed.parent))
    else:
        os.replace(blob, placed)


def _choose(
    model: Model, repository: Repository, precision: str, progress: Progress
) -> list[RemoteFile]:
    """The files to get: of the weights the variant of this precision, else what there is."""
    files, others = [repository.file(name) for name in model.files], []
    for stem in model.weights:
        names = [name for name in weight_names(stem, precision) if name in repository.listing]
        if not names:
            hint = _conversion(model, repository.name)
            raise UnusableRepositoryError(f"{repository.name} has no {stem}.safetensors", hint=hint)
        files.append(repository.file(names[0]))
        if (".fp16." in names[0]) != (precision == "float16"):
            others.append(stem)
    if others:
        (other,) = {*PRECISIONS} - {precision}
        stems = ", ".join(others)
        progress.say(f"{repository.name} has no {stems} in {precision}; taking {other}")
    return files


def _conversion(model: Model, repository: str) -> str:
    """How weights that a repository has as pickles become usable."""
    folder = captioner_folder("odise") / "image_encoder" if model.family == CLIP else "FOLDER"
    line = conversion(family_of(model), f"{repository!r}", f"{str(folder)!r}")
    use = "" if model.family == CLIP else ", and give --set model=FOLDER"
    return f"if it has pickles that you trust, convert them in Python: {line}{use}"


def _check_room(needed: int, cache: Path, model: Model) -> None:
    free = shutil.disk_usage(cache).free
    if needed > free:
        raise DownloadError(
            f"{model.name} needs {needed / 1e9:.1f} GB more, and the disk of {cache} has "
            f"{free / 1e9:.1f} GB free",
            hint="make room, or set HF_HOME to a folder on another disk",
        )


@contextmanager
def _alone(repository: Repository) -> Iterator[None]:
    """Keep a second pull of the same repository out: both would add to the same files."""
    from huggingface_hub import utils

    lock = repository.root.parent / ".locks" / repository.root.name / "descr.lock"
    make_folder(lock.parent, repository.cache)
    with ExitStack() as stack:
        try:
            stack.enter_context(utils.WeakFileLock(lock, timeout=0.5))  # type: ignore[attr-defined]
        except TimeoutError as error:
            message = f"{repository.name}: another pull of it is running"
            raise DownloadError(message, hint="wait until that one has ended") from error
        yield


def _write_main(repository: Repository) -> None:
    """Note where the main branch stands, for programs that look a repository up by its name."""
    main = repository.root / "refs" / "main"
    make_folder(main.parent, repository.root)
    if main.is_symlink():
        main.unlink()
    with whole_file(main) as temporary:
        temporary.write_text(repository.commit, encoding="utf-8")


def _none_left(model: Model, refusals: list[UnusableRepositoryError]) -> DownloadError:
    reasons = "; ".join(error.message for error in refusals)
    hints = [error.hint for error in refusals if error.hint]
    hint = (*hints, "a local folder can be given in its place: --set model=FOLDER")[0]
    if any(error.login for error in refusals):
        hint = f"if it needs an account, set HF_TOKEN or run: hf auth login; {hint}"
    return DownloadError(f"{model.name} can't be downloaded: {reasons}", hint=hint)
