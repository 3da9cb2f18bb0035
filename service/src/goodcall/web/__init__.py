"""The HTTP service around the verifier; the only package that imports a web framework."""
