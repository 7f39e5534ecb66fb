"""The restricted reader of PyTorch archives: equal to PyTorch on its own files, deaf to everything else."""

from __future__ import annotations

import collections
import io
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from soundalike.core.errors import EncoderError
from soundalike.encoders.pt_archive import read_state_dict

DTYPES = (
    torch.float64, torch.float32, torch.float16, torch.int64, torch.int32, torch.int16, torch.int8,
    torch.uint8, torch.bool,
)  # fmt: skip


@pytest.fixture(scope="session")
def teacher_file(shared_data: Path) -> Path:
    return shared_data / "teacher" / "mn04_as_mAP_432.pt"


def saved(value: object, **options: Any) -> bytes:
    file = io.BytesIO()
    torch.save(value, file, **options)
    return file.getvalue()


def small() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {
        "layer.weight": torch.randn(3, 2, generator=generator),
        "layer.bias": torch.randn(3, generator=generator),
        "count": torch.tensor(7),
    }


def archive(pickled: bytes, storages: dict[str, bytes] | None = None, **more: bytes) -> bytes:
    """An archive by hand, around any pickle."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as opened:
        opened.writestr("archive/data.pkl", pickled)
        for key, content in (storages or {}).items():
            opened.writestr(f"archive/data/{key}", content)
        for name, content in more.items():
            opened.writestr(f"archive/{name}", content)
    return file.getvalue()


def tensor_pickle(
    *,
    offset: int = 0,
    shape: tuple[int, ...] = (2, 2),
    strides: tuple[int, ...] = (2, 1),
    count: int = 4,
    key: str = "0",
    storage: str = "FloatStorage",
) -> bytes:
    """The pickle of ``{"x": tensor}``, as PyTorch writes it."""

    def integer(value: int) -> bytes:
        return b"J" + struct.pack("<i", value)

    def text(value: str) -> bytes:
        return b"X" + struct.pack("<I", len(value)) + value.encode()

    def integers(values: tuple[int, ...]) -> bytes:
        return b"(" + b"".join(map(integer, values)) + b"t"

    reference = b"(" + text("storage") + b"ctorch\n" + storage.encode() + b"\n"
    reference += text(key) + text("cpu") + integer(count) + b"tQ"
    arguments = b"(" + reference + integer(offset) + integers(shape) + integers(strides)
    arguments += b"\x89ccollections\nOrderedDict\n)Rt"
    return b"\x80\x02}" + text("x") + b"ctorch._utils\n_rebuild_tensor_v2\n" + arguments + b"Rs."


FLOATS = struct.pack("<4f", 1.0, 2.0, 3.0, 4.0)


def test_the_published_file_is_read_as_by_pytorch(teacher_file: Path) -> None:
    expected = torch.load(teacher_file, weights_only=True)
    found = read_state_dict(teacher_file)
    assert list(found) == list(expected)
    assert len(found) == 312
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.numpy().dtype
        np.testing.assert_array_equal(found[name], tensor.numpy())


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_type_of_number_is_read(dtype: torch.dtype) -> None:
    tensor = (torch.randn(4, 3, generator=torch.Generator().manual_seed(1)) * 10).to(dtype)
    found = read_state_dict(saved({"x": tensor}))["x"]
    assert found.dtype == tensor.numpy().dtype
    np.testing.assert_array_equal(found, tensor.numpy())


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_pickle_protocol_is_read(protocol: int) -> None:
    found = read_state_dict(saved(small(), pickle_protocol=protocol))
    assert {name: value.tolist() for name, value in found.items()} == {
        name: value.tolist() for name, value in small().items()
    }


def test_views_transposes_tied_and_empty_tensors_are_read() -> None:
    base = torch.arange(24.0).reshape(4, 6)
    state = {
        "t": base.T,
        "part": base[1:3, ::2],
        "tied": base[:],
        "again": base[:],
        "none": torch.zeros(0, 3),
    }
    found = read_state_dict(saved(state))
    for name, tensor in state.items():
        assert found[name].shape == tuple(tensor.shape)
        np.testing.assert_array_equal(found[name], tensor.numpy())
    found["tied"][0, 0] = -1.0
    assert found["again"][0, 0] == 0.0, "arrays stand on their own"


def test_a_modules_state_with_its_versions_and_its_parameters_is_read() -> None:
    module = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    state = module.state_dict()
    assert "_metadata" in vars(state), "the pickle has a BUILD for this"
    found = read_state_dict(saved(state))
    assert list(found) == list(state)
    parameters = read_state_dict(saved(dict(module.named_parameters())))
    np.testing.assert_array_equal(parameters["0.weight"], state["0.weight"].numpy())


def test_a_tensor_by_hand_is_what_pytorch_reads() -> None:
    found = read_state_dict(archive(tensor_pickle(), {"0": FLOATS}))
    np.testing.assert_array_equal(found["x"], np.array([[1, 2], [3, 4]], np.float32))


class Command:
    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self._made_of = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self._made_of


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (os.system, ("true",)),
        (eval, ("1",)),
        (exec, ("1",)),
        (getattr, (collections.OrderedDict, "fromkeys")),
        (open, ("/dev/null",)),
        (io.FileIO, ("/dev/null",)),
        (torch.load, ("x",)),
        (pickle.loads, (b"N.",)),
        (__import__, ("os",)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_pickles_that_call_something_are_refused_by_name(
    function: Callable[..., object], arguments: tuple[object, ...], protocol: int
) -> None:
    content = pickle.dumps({"x": Command(function, *arguments)}, protocol)
    with pytest.raises(EncoderError, match=r"names|opcode"):
        read_state_dict(archive(content))


def test_nothing_is_run_before_the_refusal(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    content = pickle.dumps({"x": Command(os.system, f"touch {mark}")}, 2)
    with pytest.raises(EncoderError, match=r"posix.system|nt.system"):
        read_state_dict(archive(content))
    assert not mark.exists()


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (pickle.dumps({1: 2}, 2), "a dict's key is a int"),
        (pickle.dumps({"a": 1}, 2), "'a' is a int; a state dict holds tensors only"),
        (pickle.dumps({"a": {"b": None}}, 2), "'a' is a dict"),
        (pickle.dumps([1, 2], 2), "holds a list; expected a state dict"),
        (pickle.dumps({"a": (((1,),),)}, 2), "nested more than two deep"),
        (pickle.dumps({"a": tuple(range(65))}, 2), "more than 64 items"),
        (pickle.dumps({"a": 1 << 100}, 2), "more than 64 bits"),
        (pickle.dumps({"a": b"bytes"}, 4), "opcode 0x43"),
        (pickle.dumps({"a": {1, 2}}, 4), "opcode 0x8f"),
        (b"\x80\x09N.", "protocol 9"),
        (b"\x80\x02", "ends early"),
        (b"\x80\x02}h\x05.", "value 5 is used before"),
        (b"\x80\x02(((.", "other than one value"),
        (b"\x80\x02u.", "mark is missing"),
        (b"\x80\x02}(X\x01\x00\x00\x00au.", "a key has no value"),
        (b"(" * 33 + b".", "more than 32 containers"),
        (b"X\xff\xff\xff\xff.", "ends early"),
        (b"\x95" + b"\xff" * 8 + b"N.", "beyond the end"),
        (b"X\x01\x00\x00\x00\xff.", "not UTF-8"),
        (b"})R.", "no function"),
        (b"ccollections\nOrderedDict\n}\x85R.", "arguments that are not expected"),
        (b"}}b.", "sets attributes"),
        (b"ccollections\nOrderedDict\n)RNb.", "sets attributes"),
        (b"NQ.", "no tuple"),
        (b"NNa.", "a list is expected"),
        (b"NN\x93.", "not a text"),
        (b"", "ends early"),
    ],
)
def test_other_pickles_are_refused_in_words(content: bytes, match: str) -> None:
    with pytest.raises(EncoderError, match=match):
        read_state_dict(archive(content))


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"shape": (2, 3), "strides": (3, 1)}, "beyond its storage"),
        ({"offset": 1}, "beyond its storage"),
        ({"offset": -1}, "are not such"),
        ({"shape": (-1, 2)}, "are not such"),
        ({"strides": (-2, 1)}, "are not such"),
        ({"strides": (1 << 30, 1)}, "beyond its storage"),
        ({"shape": (1 << 30, 1 << 30), "strides": (0, 0)}, "beyond its storage"),
        ({"shape": (2,)}, "are not such"),
        ({"shape": (1,) * 33, "strides": (0,) * 33}, "are not such"),
        ({"count": 5}, "5 numbers of 4 bytes, but 16 bytes"),
        ({"count": 1 << 30}, "but 16 bytes"),
        ({"storage": "DoubleStorage"}, "4 numbers of 8 bytes"),
        ({"storage": "BFloat16Storage"}, "torch.BFloat16Storage"),
        ({"key": "1"}, "no entry 'data/1'"),
        ({"key": "../data.pkl"}, "not a number"),
    ],
)
def test_tensors_that_are_not_what_they_say_are_refused(changes: dict[str, Any], match: str) -> None:
    with pytest.raises(EncoderError, match=match):
        read_state_dict(archive(tensor_pickle(**changes), {"0": FLOATS}))


def test_archives_that_are_not_of_pytorch_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="not a PyTorch archive"):
        read_state_dict(b"no zip at all")
    with pytest.raises(EncoderError, match="not a PyTorch archive"):
        read_state_dict(saved(small(), _use_new_zipfile_serialization=False))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as opened:
        opened.writestr("archive/other", b"")
    with pytest.raises(EncoderError, match=r"no entry 'data.pkl'"):
        read_state_dict(file.getvalue())
    with pytest.raises(EncoderError, match="not little-endian"):
        read_state_dict(archive(tensor_pickle(), {"0": FLOATS}, byteorder=b"big"))
    with pytest.raises(EncoderError, match="cannot be read"):
        read_state_dict(tmp_path / "absent.pt")
    with pytest.raises(EncoderError, match="is not a file"):
        read_state_dict(tmp_path)


def test_zip_bombs_are_refused_before_anything_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("archive/data.pkl", bytes(50_000_000))
    with pytest.raises(EncoderError, match="compressed"):
        read_state_dict(file.getvalue())
    content = archive(tensor_pickle(), {"0": bytes(100_000), "1": bytes(8)})
    # The second entry's place and sizes become those of the first: two entries share the same bytes.
    at = content.index(b"PK\x01\x02", content.index(b"PK\x01\x02") + 1)
    entry = content[at : content.index(b"PK\x01\x02", at + 1)]
    doubled = content[:at] + entry[:46] + entry[46:] + content[at + len(entry) :]
    last = doubled.rindex(b"PK\x01\x02")
    doubled = (
        doubled[: last + 16]
        + entry[16:28]
        + doubled[last + 28 : last + 42]
        + entry[42:46]
        + (doubled[last + 46 :])
    )
    with pytest.raises(EncoderError, match="together larger than the archive"):
        read_state_dict(doubled)
    monkeypatch.setattr("soundalike.encoders.pt_archive.MAX_ARCHIVE_BYTES", 1000)
    with pytest.raises(EncoderError, match="at most 1,000 are read"):
        read_state_dict(content)


def test_a_table_of_contents_without_end_is_not_read() -> None:
    content = archive(tensor_pickle(), {"0": FLOATS})
    end = content.rindex(b"PK\x05\x06")
    directory = content[content.index(b"PK\x01\x02") : end]
    many = directory * (5 * (1 << 20) // len(directory))
    sizes = struct.pack("<LL", len(many), content.index(b"PK\x01\x02"))
    made = content[: content.index(b"PK\x01\x02")] + many + content[end : end + 12] + sizes + b"\0\0"
    with pytest.raises(EncoderError, match="table of contents is far larger"):
        read_state_dict(made)


def test_many_tensors_of_one_storage_do_not_fill_the_memory() -> None:
    big = torch.zeros(100_000)
    with pytest.raises(EncoderError, match="together far larger"):
        read_state_dict(saved({str(number): big[:] for number in range(10)}))


def mutated(content: bytes, edits: list[tuple[int, int]]) -> bytes:
    changed = bytearray(content)
    for place, value in edits:
        changed[place % len(changed)] = value
    return bytes(changed)


def check_harmless(content: bytes) -> None:
    """Whatever the bytes are: tensors within bounds, or an EncoderError."""
    try:
        found = read_state_dict(content)
    except EncoderError:
        return
    assert sum(array.nbytes for array in found.values()) <= 2 * len(content)


EDITS = st.lists(st.tuples(st.integers(0, 1 << 30), st.integers(0, 255)), min_size=1, max_size=8)


@settings(max_examples=200, deadline=None)
@given(EDITS)
def test_mutated_small_archives_are_read_or_refused(edits: list[tuple[int, int]]) -> None:
    check_harmless(mutated(saved(small()), edits))


@settings(max_examples=200, deadline=None)
@given(EDITS, st.integers(0, 1 << 30))
def test_mutated_pickles_are_read_or_refused(edits: list[tuple[int, int]], cut: int) -> None:
    content = mutated(tensor_pickle(), edits)
    check_harmless(archive(content[: 1 + cut % len(content)] if cut % 3 == 0 else content, {"0": FLOATS}))


OPCODES = st.sampled_from(
    [*b"(}])NXJKMGtaesubqrhjcRQ.", 0x80, 0x88, 0x89, 0x85, 0x86, 0x87, 0x8A, 0x8C, 0x93]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(OPCODES, st.integers(0, 4)), max_size=60))
def test_random_programs_are_read_or_refused(codes: list[int]) -> None:
    check_harmless(archive(bytes(codes) + b"."))


@settings(max_examples=30, deadline=None)
@given(edits=EDITS, cut=st.integers(0, 1 << 30))
def test_mutations_of_the_published_file_are_read_or_refused(
    teacher_file: Path, edits: list[tuple[int, int]], cut: int
) -> None:
    content = teacher_file.read_bytes()
    start = content.index(b"\x80\x02")
    # Most edits go into the pickle and the table of contents, where the structure is.
    places = [
        (start + at % 35_000 if at % 2 else len(content) - 1 - at % 30_000, value) for at, value in edits
    ]
    check_harmless(mutated(content, places)[: len(content) - (cut % 5000 if cut % 4 == 0 else 0)])
