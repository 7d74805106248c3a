"""axe-core: it looks in an open page for what keeps people out."""

from gancourse.authoring.project import ROOT

AXE = ROOT / "site" / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = ("serious", "critical")


def barriers(page: object, *rules: str) -> list[str]:
    """The serious and critical findings in the page as it is shown now, each with the first place.

    rules: those to ask about; all if none is named.
    """
    page.add_script_tag(path=AXE)
    found = page.evaluate("rules => axe.run(rules.length ? {runOnly: rules} : {})", list(rules))
    assert len(found["passes"]) >= (len(rules) or 10), "axe has hardly looked at anything"
    return [f"{v['id']}: {v['nodes'][0]['html'][:120]}" for v in found["violations"] if v["impact"] in GRAVE]
