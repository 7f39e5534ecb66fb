"""Text towers and tags: what their encoders give, and what is refused."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from soundalike.core.errors import EncoderError, InvalidInputError
from soundalike.encoders import load_encoder
from soundalike.encoders.onnx_manifest import load_manifest, save_manifest
from soundalike.encoders.onnx_session import sha256_of
from soundalike.encoders.tag_head import TagHead

GOLDEN = Path(__file__).parents[1] / "golden" / "encoders_front_end"
MakeFull = Callable[..., Path]


def with_tower(folder: Path, **changes: Any) -> None:
    """Change what the manifest says of the text tower."""
    manifest = load_manifest(folder / "encoder.json")
    assert manifest.text_tower is not None
    tower = dataclasses.replace(manifest.text_tower, **changes)
    save_manifest(dataclasses.replace(manifest, text_tower=tower), folder / "encoder.json")


def noise(rows: int) -> tuple[np.ndarray, np.ndarray]:
    segments = np.random.default_rng(0).standard_normal((rows, 2001)).astype(np.float32)
    return segments, np.full(rows, 2001)


def test_the_golden_encoder_opens_with_the_same_fingerprint() -> None:
    encoder = load_encoder(GOLDEN)
    assert encoder.spec.fingerprint == "tiny-full-4db29e598c7a5e9f"
    assert encoder.tag_names == ("low", "middle", "high")
    assert encoder.reads_text


def test_texts_become_the_mean_of_their_pieces() -> None:
    vocabulary = json.loads((GOLDEN / "vocab.json").read_text())
    model = onnx.load(GOLDEN / "text.onnx")
    table = numpy_helper.to_array(next(t for t in model.graph.initializer if t.name == "table"))
    pieces = [["<s>", "rain", "</s>"], ["<s>", "a", "Ġrain", "!", "</s>"], ["<s>", "</s>"]]
    sums = np.stack([table[[vocabulary[piece] for piece in text]].sum(axis=0) for text in pieces])
    expected = sums / np.linalg.norm(sums, axis=1, keepdims=True)
    found = load_encoder(GOLDEN).encode_text(["rain", "a rain!", ""])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_text_alone_and_among_longer_ones() -> None:
    encoder = load_encoder(GOLDEN)
    texts = [f"text {n} of many" * (1 + n % 5) for n in range(70)]
    together = encoder.encode_text(texts)
    np.testing.assert_allclose(together[40], encoder.encode_text([texts[40]])[0], atol=1e-6)
    assert encoder.encode_text([]).shape == (0, 8)


def test_long_texts_are_cut_at_the_end() -> None:
    encoder = load_encoder(GOLDEN)  # 12 tokens, the start's and the end's among them
    ten = "1234567890"
    np.testing.assert_array_equal(encoder.encode_text([ten + "77"]), encoder.encode_text([ten]))
    assert not np.array_equal(encoder.encode_text([ten[:9] + "7"]), encoder.encode_text([ten]))


def test_texts_that_are_none_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="Expected texts; got int"):
        load_encoder(GOLDEN).encode_text([3])  # type: ignore[list-item]


def test_an_encoder_without_a_tower_says_so() -> None:
    spectral = load_encoder("spectral")
    assert (spectral.reads_text, spectral.tag_names) == (False, ())
    with pytest.raises(EncoderError, match="spectral has no text tower"):
        spectral.encode_text(["rain"])
    with pytest.raises(EncoderError, match="spectral has no tags"):
        spectral.tag_scores(*noise(1))


@pytest.mark.parametrize("name", ["text.onnx", "vocab.json", "merges.txt"])
def test_a_file_that_is_missing_is_named_when_the_encoder_is_loaded(make_full: MakeFull, name: str) -> None:
    folder = make_full()
    (folder / name).unlink()
    with pytest.raises(EncoderError, match=f"tiny-full in .* lacks its file {name}"):
        load_encoder(folder)


@pytest.mark.parametrize("name", ["text.onnx", "vocab.json", "merges.txt"])
def test_a_file_that_was_changed_is_seen(make_full: MakeFull, name: str) -> None:
    folder = make_full()
    with (folder / name).open("ab") as file:
        file.write(b" ")
    encoder = load_encoder(folder)
    encoder.encode(*noise(2))
    with pytest.raises(EncoderError, match="not the one of its manifest: expected SHA-256"):
        encoder.encode_text(["rain"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"ids_input": "ids"},
            r"inputs \['attention_mask', 'ids'\]; it has \['attention_mask', 'input_ids'\]",
        ),
        ({"output": "text_embeds"}, "an output 'text_embeds'; it has 'vectors'"),
        ({"start_piece": "[CLS]"}, r"lacks the piece '\[CLS\]' that its manifest names"),
    ],
)
def test_a_tower_that_is_not_as_declared_is_refused(
    make_full: MakeFull, changes: dict[str, Any], message: str
) -> None:
    folder = make_full()
    with_tower(folder, **changes)
    with pytest.raises(EncoderError, match=message):
        load_encoder(folder).encode_text(["rain"])


def replace_model(folder: Path, change: Callable[[onnx.ModelProto], None]) -> None:
    """Change the text tower's model, and its hash in the manifest with it."""
    model = onnx.load(folder / "text.onnx")
    change(model)
    (folder / "text.onnx").write_bytes(model.SerializeToString())
    with_tower(folder, sha256=sha256_of(folder / "text.onnx"))


def resized(dims: int) -> Callable[[onnx.ModelProto], None]:
    def change(model: onnx.ModelProto) -> None:
        model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = dims
        table = next(t for t in model.graph.initializer if t.name == "table")
        table.CopyFrom(numpy_helper.from_array(np.ones((300, dims), np.float32), "table"))

    return change


def filled(value: float) -> Callable[[onnx.ModelProto], None]:
    def change(model: onnx.ModelProto) -> None:
        table = next(t for t in model.graph.initializer if t.name == "table")
        table.CopyFrom(numpy_helper.from_array(np.full((300, 8), value, np.float32), "table"))

    return change


def fewer_pieces(model: onnx.ModelProto) -> None:
    table = next(t for t in model.graph.initializer if t.name == "table")
    table.CopyFrom(numpy_helper.from_array(np.ones((5, 8), np.float32), "table"))


def fixed_tokens(model: onnx.ModelProto) -> None:
    for end in model.graph.input:
        end.type.tensor_type.shape.dim[1].dim_value = 9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (resized(5), r"should be tensor\(float\) of shape \(any, 8\)"),
        (filled(np.nan), "values that are NaN or infinite"),
        (filled(0.0), "a vector without a length"),
        (fewer_pieces, "The text tower failed on a batch of 1"),
        (fixed_tokens, "reads 9 tokens; its manifest says 12"),
    ],
    ids=["dims", "nan", "zero", "vocabulary", "tokens"],
)
def test_a_tower_that_breaks_its_word_is_refused(
    make_full: MakeFull, change: Callable[[onnx.ModelProto], None], message: str
) -> None:
    folder = make_full()
    replace_model(folder, change)
    with pytest.raises(EncoderError, match=message):
        load_encoder(folder).encode_text(["rain"])


def test_a_tower_of_a_fixed_number_of_tokens_is_padded(make_full: MakeFull) -> None:
    folder = make_full()
    replace_model(folder, fixed_tokens)
    with_tower(folder, max_tokens=9)
    texts = ["rain", "dogs"]
    np.testing.assert_allclose(
        load_encoder(folder).encode_text(texts), load_encoder(GOLDEN).encode_text(texts), atol=1e-6
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"file": "../text.onnx"}, r"text_tower\.file is the name of a file in the manifest's own folder"),
        ({"vocabulary_file": "/etc/passwd"}, "text_tower.vocabulary_file is the name of a file"),
        ({"merges_file": "encoder.json"}, "text_tower.merges_file is the name of a file"),
        ({"merges_file": "vocab.json"}, "have different names"),
        ({"sha256": "0"}, r"text_tower\.sha256 has 64"),
        ({"max_tokens": 2}, "between 3 and 4096; got 2"),
        ({"max_tokens": 10**12}, "between 3 and 4096"),
    ],
)
def test_what_is_wrong_with_a_towers_manifest_is_said(
    make_full: MakeFull, changes: dict[str, Any], message: str
) -> None:
    path = make_full() / "encoder.json"
    document = json.loads(path.read_text())
    document["text_tower"] |= changes
    path.write_text(json.dumps(document))
    with pytest.raises(EncoderError, match=message):
        load_manifest(path)


def test_scores_of_tags_are_probabilities() -> None:
    encoder = load_encoder(GOLDEN)
    segments, lengths = noise(20)
    model = onnx.load(GOLDEN / "model.onnx")
    classes = numpy_helper.to_array(next(t for t in model.graph.initializer if t.name == "classes"))
    logits = encoder.encode(segments, lengths).astype(np.float64) @ classes
    expected = 1.0 / (1.0 + np.exp(-logits))
    assert expected.min() < 0.3 < 0.7 < expected.max()
    np.testing.assert_allclose(encoder.tag_scores(segments, lengths), expected, atol=1e-5)


def test_scores_beyond_probabilities_are_refused(make_full: MakeFull) -> None:
    head = TagHead(output="logits", names=("a", "b", "c"), scores="probabilities")
    encoder = load_encoder(make_full(tags=head))
    with pytest.raises(EncoderError, match=r"declares probabilities of tags; they reach from -\d"):
        encoder.tag_scores(*noise(8))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"names": ("a", "b")}, r"'logits' of the model .* shape \(any, 2\); it is .* 3\)"),
        ({"output": "scores"}, "an output 'scores'; it has 'vectors', 'logits'"),
    ],
)
def test_tags_that_do_not_fit_the_model_are_refused(
    make_full: MakeFull, changes: dict[str, Any], message: str
) -> None:
    head = {"output": "logits", "names": ("a", "b", "c"), "scores": "logits"}
    with pytest.raises(EncoderError, match=message):
        load_encoder(make_full(tags=TagHead(**{**head, **changes})))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"names": []}, "1 to 100000 different names; got 0"),
        ({"names": ["a", "a", "b"]}, "got 3, 2 of them different"),
        ({"names": ["a", " ", "b"]}, "printable names"),
        ({"names": ["a", "b\n", "c"]}, "printable names"),
        ({"names": ["a", 3, "c"]}, "names must be of type str, not int"),
        ({"scores": "softmax"}, "tags.scores is"),
        ({"output": "vectors"}, "cannot both be the output 'vectors'"),
    ],
)
def test_what_is_wrong_with_tags_is_said(make_full: MakeFull, changes: dict[str, Any], message: str) -> None:
    path = make_full() / "encoder.json"
    document = json.loads(path.read_text())
    document["tags"] |= changes
    path.write_text(json.dumps(document))
    with pytest.raises(EncoderError, match=message):
        load_manifest(path)


def test_nothing_of_it_changes_the_fingerprint(make_full: MakeFull) -> None:
    base = load_encoder(make_full()).spec
    other = make_full("other", licence="CC0-1.0", training_data="Other words.", tags=None, text_tower=None)
    assert load_encoder(other).spec == base
