"""The delimiters of templates, as options of commands. They have the names of the controller's."""

from provider.tools.arguments import AddArgument

Delimiters = tuple[str, str]
"""Left and right."""
DEFAULT: Delimiters = ("{{", "}}")


def add_delimiters(add: AddArgument) -> None:
    """Add both options: `template_left_delimiter` and `template_right_delimiter`."""
    for side, default in zip(("left", "right"), DEFAULT, strict=True):
        name, meaning = (
            f"--template-{side}-delimiter",
            f"{side} delimiter of templates, as the controller has it",
        )
        add(name, default=default, metavar="TEXT", help=f"{meaning}; default: {default}")
