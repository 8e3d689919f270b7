"""scripts/check_shell.py: finds the shell of documents, and what is wrong in it."""

from pathlib import Path

from scripts import check_shell

PAGE = """\
# Title

## Install

1. First:

   ```sh
   if true; then
     echo "yes
   ```

## Use

```text
if true
```

```sh
echo $1
```
"""


def test_blocks_have_their_heading_and_line_and_no_indentation() -> None:
    first, second = check_shell.blocks(PAGE)
    assert (first.heading, first.line) == ("Install", 8)
    assert first.text == 'if true; then\n  echo "yes\n'
    assert (second.heading, second.text) == ("Use", "echo $1\n")


def test_a_syntax_error_is_found_at_its_line(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    assert any(line.startswith("page.md: line 9: ") for line in check_shell.problems([page]))
