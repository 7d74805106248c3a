"""A lesson that was handed in as a Python script: of VS Code and Spyder, of nbconvert, of Colab, or pasted."""

import re

_MARKS = re.compile(r"^# (?:%%|In ?\[[\d ]*\]:?)", re.MULTILINE)
LARGEST = 500_000  # characters of a script that are read
_HEAD = re.compile(r"\A#!.*\n# coding: .*\n\n(?!# In)")
_CODE = re.compile(r"^(?:def|class|import|from|@\w)", re.MULTILINE)


def looks_like_python(text: str) -> bool:
    """Whether a text is a script and no JSON."""
    return not text.lstrip("\ufeff \t\r\n").startswith(("{", "[", '"{')) and bool(_CODE.search(text))


def cells_of_script(text: str) -> list[tuple[str, str]]:
    """(kind, source) of each cell of a script, in order."""
    text = text[:LARGEST].lstrip("\ufeff").replace("\r\n", "\n")
    return _marked(text) if _MARKS.search(text) else _colab(text)


def _marked(text: str) -> list[tuple[str, str]]:
    """Cells between `# %%` or `# In[3]:`; nbconvert leaves prose as comments before the next mark."""
    import jupytext

    if "# %%" not in text:
        text = _HEAD.sub("# %% [markdown]\n", text, count=1)
        text = "".join(map(_with_prose, re.split(r"(?=^# In ?\[)", text, flags=re.MULTILINE)))
    cells = jupytext.reads(text, fmt="py:percent").cells
    return [(cell.cell_type, cell.source.strip("\n")) for cell in cells if cell.source.strip()]


def _with_prose(part: str) -> str:
    """A cell of nbconvert's, with a mark before the comments that follow its code after two empty lines."""
    code, gap, prose = part.rstrip("\n").rpartition("\n\n\n")
    is_prose = all(line.startswith("#") or not line for line in prose.split("\n"))
    return f"{code}\n\n# %% [markdown]\n{prose}\n\n" if gap and is_prose else part


def _colab(text: str) -> list[tuple[str, str]]:
    """Colab writes prose as strings that begin at the margin, where no docstring of a lesson begins."""
    cells: list[tuple[str, list[str]]] = [("code", [])]
    for line in text.split("\n"):
        if cells[-1][0] == "code" and line.startswith('"""'):
            cells.append(("markdown", []))
            line = line[3:]
        cells[-1][1].append(line)
        if cells[-1][0] == "markdown" and line.rstrip().endswith('"""'):
            cells[-1][1][-1] = line.rstrip()[:-3]
            cells.append(("code", []))
    found = [(kind, "\n".join(lines).strip("\n")) for kind, lines in cells]
    return [(kind, source) for kind, source in found if source.strip()]
