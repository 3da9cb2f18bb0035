"""The generated datasets have what real ones have, and the measurement measures."""

import json

from benchmarks.prepare import measure


def test_a_small_measurement_prepares_what_it_generates(tmp_path):
    run = measure(1000, tmp_path)
    report = json.loads((tmp_path / "rows" / "report.json").read_text())
    assert report["rows"]["records"] == run.records == 1000
    assert report["rows"]["added"] > 50
    assert report["sources"]["toolace"]["several_turns"] > 20
    assert {"argument_type_wrong", "answer_in_words", "duplicate", "calls_unreadable"} == set(report["removed"])
    assert report["notes"]["released_parser_corrupts"]["rows"] > 10
    assert run.cpu_s > 0
    assert run.peak_bytes > 50 << 20
    assert run.input_bytes > 1 << 20
