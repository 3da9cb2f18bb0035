"""From raw data to rows: what `goodcall-train prepare` does.

`records` opens files, `sources` has a reader for each format, `filters` says which rows can't be trained on,
`pipeline` runs rows through all that and counts. Everything streams, nothing is dropped without being counted, and the
same input and seed give the same bytes. Needs no torch, and imports none.
"""
