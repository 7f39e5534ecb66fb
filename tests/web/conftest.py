"""A small real library and real servers over it."""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import httpx
import numpy as np
import pytest
import uvicorn

from soundalike.core.arrays import FloatArray
from soundalike.library import Library, Sound, demo_sounds
from soundalike.web import create_app
from soundalike.web.server import listen

LOST = "lost.flac"
FOLDERS = ("bass", "kicks", "snares", "loops")


def encode(path: Path, samples: FloatArray, rate_hz: int, codec: str) -> None:
    """Write samples, shape (C, T), as a file of the format that the name says."""
    layout = "stereo" if len(samples) == 2 else "mono"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate_hz, layout=layout)
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples, dtype=np.float32), format="fltp", layout=layout
        )
        frame.sample_rate = rate_hz
        resampler = av.AudioResampler(stream.format, stream.layout, stream.rate)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))


def decode(path: Path) -> tuple[FloatArray, int]:
    """Read a file as floats, shape (C, T), with its rate in Hz."""
    with av.open(str(path)) as container:
        rate_hz = container.streams.audio[0].rate
        resampler = av.AudioResampler("fltp", None, rate_hz)
        parts = [p.to_ndarray() for f in container.decode(audio=0) for p in resampler.resample(f)]
    return np.concatenate(parts, axis=1), rate_hz


@dataclass(frozen=True)
class World:
    """A library, the folder of its sounds, and the address that its server answers at."""

    library: Library
    sounds: Path
    url: str

    def sound(self, name: str) -> Sound:
        """The sound whose file has this name."""
        return next(s for s in self.library.sounds() if s.name == name)


@pytest.fixture(scope="session")
def sound_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bundled sounds by folder; a loop as AIFF, which Chromium cannot play; a zip; a text named wav."""
    folder = tmp_path_factory.mktemp("page") / "samples"
    for name in FOLDERS:
        shutil.copytree(demo_sounds() / name, folder / name)
    loop, rate_hz = decode(folder / "loops" / "loop_amen.flac")
    (folder / "other").mkdir()
    encode(folder / "other" / "amen.aiff", loop, rate_hz, "pcm_s16be")
    shutil.copy(demo_sounds() / "bass" / "bass_hit_c.flac", folder / "other" / "same bytes ’n’ ünïcode.flac")
    shutil.copy(next((demo_sounds() / "vinyl").glob("*.flac")), folder / "other" / LOST)
    (folder / "other" / "notes.wav").write_text("These are notes, not sound.")
    with zipfile.ZipFile(folder / "pack.zip", "w") as pack:
        tabla = next((demo_sounds() / "tabla").glob("*.flac"))
        pack.write(tabla, "hits/zipped tabla.flac")
    return folder


@pytest.fixture(scope="session")
def library_path(sound_folder: Path) -> Path:
    """The folder of a library over those sounds, one of which has vanished since."""
    path = sound_folder.parent / "library"
    library = Library.open(path)
    library.add(sound_folder, sound_folder / "pack.zip", jobs=1)
    (sound_folder / "other" / LOST).unlink()
    library.add(sound_folder, jobs=1)
    return path


@contextlib.contextmanager
def running(app: object) -> Iterator[str]:
    """Serve an application from a thread, over a real socket; gives its address."""
    listener = listen("127.0.0.1", 0)
    config = uvicorn.Config(app, ws="none", log_level="critical", access_log=False)  # type: ignore[arg-type]
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


@pytest.fixture(scope="session")
def world(library_path: Path, sound_folder: Path) -> Iterator[World]:
    """The library behind a real server."""
    library = Library.open(library_path)
    with running(create_app(library, max_upload_bytes=2_000_000)) as url:
        yield World(library, sound_folder, url)


@pytest.fixture(scope="session")
def client(world: World) -> Iterator[httpx.Client]:
    """A client of that server."""
    with httpx.Client(base_url=world.url, timeout=30) as client:
        yield client


Audio = Callable[..., httpx.Response]


@pytest.fixture
def get_audio(client: httpx.Client, world: World) -> Audio:
    """Fetch the audio of a sound by its name, with headers."""

    def fetch(name: str, method: str = "GET", **headers: str) -> httpx.Response:
        path = f"/api/sounds/{world.sound(name).id}/audio"
        return client.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return fetch


@pytest.fixture
def wait_for() -> Callable[..., None]:
    """Wait until something is so; fail where it never is."""

    def wait(condition: Callable[[], bool], patience_s: float = 20.0) -> None:
        end = time.monotonic() + patience_s
        while not condition():
            assert time.monotonic() < end, "it never came true"
            time.sleep(0.02)

    return wait
