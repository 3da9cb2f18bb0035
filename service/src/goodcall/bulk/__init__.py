"""Rows of files and tables to verdicts by the million, in whichever process: for the command line, Ray Data and Spark.

``ray_data`` and ``spark`` are imported by name and need their engines; the rest needs the verifier, and ``pyarrow``
where it reads or writes columns.
"""
