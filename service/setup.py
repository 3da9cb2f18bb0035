# ruff: noqa: INP001
"""What pyproject.toml can't say: the compiled module is built where there is a compiler, and can be left out."""

import os

from setuptools import Extension, setup

native = Extension("goodcall._native", ["src/goodcall/_native.c"], optional=True)
setup(ext_modules=[] if os.environ.get("PURE_PYTHON") else [native])
