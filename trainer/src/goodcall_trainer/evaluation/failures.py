"""Why there is no answer to a question. Neither is ever counted as a wrong answer."""


class CheckpointUnusable(Exception):
    """There is no policy at a place, or none that can be loaded; says what is missing."""


class EndpointFailed(Exception):
    """The endpoint refused a question, or did not answer it in time; says what it said."""
