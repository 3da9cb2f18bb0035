"""HTML pages from templates: every value is escaped, and the browser is told to run no script and to fetch nothing."""

from pathlib import Path

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


def write_page(path: Path, page: str) -> None:
    """Puts a page there in one go: who opens it meanwhile sees the old one or the new one, never a part.

    Raises:
        OSError: It can't be written.
    """
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(page, encoding="utf-8")
    partial.replace(path)


_ENVIRONMENT = Environment(
    loader=PackageLoader("goodcall_trainer", "."),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_ENVIRONMENT.globals.update(number=number, percent=percent, duration=duration)
