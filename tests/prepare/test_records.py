"""Records out of files, whatever the files are."""

import gzip
import io
import json
import re
import tempfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from goodcall_trainer.prepare import records
from goodcall_trainer.prepare.records import BadLine, SourceUnusable, read_records

RECORDS = [{"a": 1, "text": "é]},[{"}, {"a": 2, "text": None}, {"a": 3, "text": ""}]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def as_lines(values):
    return "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values).encode()


def as_parquet(values):
    buffer = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(values), buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        as_lines(RECORDS),
        b"\n" + as_lines(RECORDS) + b"\n\n",
        json.dumps(RECORDS).encode(),
        b"\xef\xbb\xbf \n" + json.dumps(RECORDS, indent=2, ensure_ascii=False).encode() + b"\n",
        gzip.compress(as_lines(RECORDS)),
        gzip.compress(json.dumps(RECORDS).encode()),
        as_parquet(RECORDS),
    ],
    ids=["lines", "blank lines", "list", "marked and indented list", "gzipped lines", "gzipped list", "parquet"],
)
def test_a_file_is_what_its_first_bytes_say(tmp_path, content):
    (tmp_path / "anything").write_bytes(content)
    assert list(read_records(str(tmp_path / "anything"))) == RECORDS


@given(values=st.lists(VALUES, max_size=6), chunk=st.integers(1, 40), indent=st.sampled_from([None, 0, 3]))
def test_a_list_read_in_pieces_is_the_list(values, chunk, indent):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "_CHUNK", chunk)
        text = io.TextIOWrapper(io.BytesIO(json.dumps(values, indent=indent).encode()), encoding="utf-8")
        assert list(records._ListReader(text).elements()) == values


def test_an_element_larger_than_any_piece_is_read(tmp_path):
    values = [{"text": "x" * 3_000_000}, {"text": "y"}]
    (tmp_path / "list.json").write_text(json.dumps(values), encoding="utf-8")
    assert list(read_records(str(tmp_path / "list.json"))) == values


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b'[{"a": 1}', "expected , at character 9"),
        (b'[{"a": 1} {"a": 2}]', "expected , at character 10"),
        (b'[{"a": 1},]', "an element is no JSON, character 10"),
        (b'[{"a": 1}, {"a"', "an element is no JSON, character 15"),
        (b'[{"a": 1}] x', "expected the end at character 11"),
        (b"[" * 100_000, "an element is nested too deep, character 1"),
        (gzip.compress(b'{"a": 1}\n')[:-9], "end-of-stream"),
        (b'{"a": "\xff"}', "'utf-8' codec can't decode"),
        (b"PAR1 and no more", "Parquet"),
    ],
    ids=range(9),
)
def test_a_damaged_file_says_where(tmp_path, content, fault):
    (tmp_path / "broken").write_bytes(content)
    with pytest.raises(SourceUnusable, match=re.escape(fault)) as raised:
        list(read_records(str(tmp_path / "broken")))
    assert str(tmp_path / "broken") in str(raised.value)


def test_a_line_that_is_no_json_is_a_record_of_its_own(tmp_path):
    (tmp_path / "lines").write_text('{"a": 1}\n{"a": \n' + "[" * 100_000 + '\n{"a": 2}\n', encoding="utf-8")
    first, second, third, last = read_records(str(tmp_path / "lines"))
    assert (first, last) == ({"a": 1}, {"a": 2})
    assert [second, third] == [BadLine("Expecting value"), BadLine("not readable as JSON")]


def test_a_folder_is_its_files_by_their_names(tmp_path):
    for name in ("b", "a", "c"):
        (tmp_path / name).write_text(json.dumps({"name": name}), encoding="utf-8")
    (tmp_path / "folder").mkdir()
    assert [record["name"] for record in read_records(str(tmp_path))] == ["a", "b", "c"]


def test_a_broken_element_is_noticed_without_reading_on():
    file = io.BytesIO(b'[{"a": 1}, {"a": oops' + b" " * 10_000_000 + b"}]")
    text = io.TextIOWrapper(file, encoding="utf-8")
    with pytest.raises(ValueError, match="character 17"):
        list(records._ListReader(text).elements())
    assert file.tell() < 2_000_000


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_line_ends_where_json_lines_end_and_nowhere_else(text):
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(json.dumps([text], ensure_ascii=False).encode().join([b'{"t":', b"}\r\n\r\n"]))
        assert list(read_records(file.name)) == [{"t": [text]}]


def test_what_is_not_there_is_said_to_be_missing(tmp_path):
    with pytest.raises(SourceUnusable, match="there is no file"):
        list(read_records(str(tmp_path / "nothing")))
    with pytest.raises(SourceUnusable, match="there is no file"):
        list(read_records(str(tmp_path)))


def test_an_empty_file_has_no_records(tmp_path):
    (tmp_path / "empty").touch()
    assert list(read_records(str(tmp_path / "empty"))) == []
