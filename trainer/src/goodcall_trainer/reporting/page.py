"""HTML pages from templates: every value is escaped, and the browser is told to run no script and to fetch nothing."""

from jinja2 import Environment, PackageLoader, StrictUndefined

from goodcall_trainer.reporting.words import duration, number, percent


def render_page(template: str, **values: object) -> str:
    """The page that a template makes of values.

    `template` stands beside the module that uses it and is named from the package's root, `demo/report.html` for
    example; each extends `reporting/page.html`. What is not `markupsafe.Markup` is text and is escaped.

    Raises:
        jinja2.UndefinedError: The template names a value that is not there.
    """
    return _ENVIRONMENT.get_template(template).render(**values)


_ENVIRONMENT = Environment(
    loader=PackageLoader("goodcall_trainer", "."),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_ENVIRONMENT.globals.update(number=number, percent=percent, duration=duration)
