"""A lesson that was handed in as a Python script: of VS Code and Spyder, of nbconvert, of Colab, or pasted."""

import re

_MARKS = re.compile(r"^# (?:%%|In ?\[[\d ]*\]:?)", re.MULTILINE)
_PROSE_OF_NBCONVERT = re.compile(r"\n\n\n((?:#[^\n]*\n|\n)+)(?=# In ?\[|\Z)")
_HEAD = re.compile(r"\A#!.*\n# coding: .*\n\n(?!# In)")
_CODE = re.compile(r"^(?:def|class|import|from|@\w)", re.MULTILINE)


def looks_like_python(text: str) -> bool:
    """Whether a text is a script and no JSON."""
    return not text.lstrip("\ufeff \t\r\n").startswith(("{", "[", '"{')) and bool(_CODE.search(text))


def cells_of_script(text: str) -> list[tuple[str, str]]:
    """(kind, source) of each cell of a script, in order."""
    text = text.lstrip("\ufeff").replace("\r\n", "\n")
    if _MARKS.search(text):
        return _marked(text)
    return _colab(text)


def _marked(text: str) -> list[tuple[str, str]]:
    """Cells between `# %%` or `# In[3]:`; nbconvert leaves prose as comments before the next mark."""
    import jupytext

    if "# %%" not in text:
        text = _HEAD.sub("# %% [markdown]\n", text, count=1)
        text = _PROSE_OF_NBCONVERT.sub(lambda found: f"\n\n# %% [markdown]\n{found[1]}", text)
    cells = jupytext.reads(text, fmt="py:percent").cells
    return [(cell.cell_type, cell.source.strip("\n")) for cell in cells if cell.source.strip()]


def _colab(text: str) -> list[tuple[str, str]]:
    """Colab writes prose as strings that begin at the margin, where no docstring of a lesson begins."""
    parts = re.split(r'^"""(.*?)"""[ \t]*$', text, flags=re.MULTILINE | re.DOTALL)
    kinds = ("code", "markdown")
    cells = [(kinds[i % 2], part.strip("\n")) for i, part in enumerate(parts)]
    return [(kind, source) for kind, source in cells if source.strip()]
