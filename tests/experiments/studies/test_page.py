import re
from html.parser import HTMLParser

import pytest

from rlgen.experiments.studies.compared import Compared, SamePerson
from rlgen.experiments.studies.page import page, plots
from rlgen.experiments.studies.plots import Line, Point, Row, panels, rows, scatter
from rlgen.experiments.studies.summary import summary
from tests.experiments.studies.synthetic import planted, summarised, talk

FEW = ("shaped", "noisy", "engagement_only")
_VOID = ("meta", "br", "link", "circle", "path", "line", "!doctype", "use", "rect")


class Parsed(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.opened, self.links, self.unlabelled, self.figures, self.words = [], [], 0, 0, []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        if tag not in _VOID:
            self.opened.append(tag)

    def handle_endtag(self, tag):
        assert self.opened.pop() == tag

    def handle_startendtag(self, tag, attrs):
        found = dict(attrs)
        self.links += [v for k, v in found.items() if k in ("src", "href")]
        if tag == "svg":
            self.figures += 1
            self.unlabelled += not (found.get("role") == "img" and len(found.get("aria-label", "")) > 20)

    def handle_data(self, data):
        self.words.append(data)


def written(**options):
    return page(planted(**options), summarised(**options))


@pytest.fixture(scope="module")
def text():
    return written()


def test_the_page_is_well_formed_stands_alone_and_every_figure_has_words(text):
    found = Parsed(text)
    assert found.opened == []
    assert all(link.startswith("#") for link in found.links)  # marks within an SVG
    assert not re.search(r"https?://(?!www\.w3\.org/(?:2000/svg|1999/xlink))", text)
    assert "<script" not in text
    assert "@import" not in text
    assert found.figures == 10
    assert found.unlabelled == 0


def test_the_verdict_comes_first(text):
    words = "".join(Parsed(text).words)
    order = [
        "On 10 seeds a design and 400 people, shaped brings", "engagement_only is being gamed", "Ranking by relief",
        "Who is told apart from whom", "What is measured, and what it stands for", "Every policy by every reward",
        "What is given up for what", "Whom it helps", "Learning", "The same person under two designs",
        "What must not be concluded", "What was run",
    ]  # fmt: skip
    places = [words.index(piece) for piece in order]
    assert places == sorted(places)


def test_alarms_and_what_lies_beyond_the_peak_are_told():
    whole = planted(names=FEW, seeds=3, people=50)
    found = summary(whole)
    found["alarms"] = {name: [[], [{"kind": "hollow", "told": f"{name} rose in vain"}], []] for name in FEW}
    words = "".join(Parsed(page(whole, found)).words)
    assert words.index("Learning") < words.index("Alarms along training") < words.index("How far is too far")
    assert "1 of 3" in words
    assert f"{FEW[0]} rose in vain" in words
    assert "no design is seen to lose relief" in words
    for curve in found["curves"].values():
        curve["overoptimisation"] |= {"lost": 0.2, "low": 0.1, "high": 0.3}
    words = "".join(Parsed(page(whole, found)).words)
    assert f"relief was lost by training on past its largest value: {found['order'][0]} 0.20 [0.10, 0.30]; " in words


def test_hashes_seeds_and_commands_are_told(text):
    for words in (f"{3:064x}"[:12], "c0ffee", "rlgen train --seed 9", "rlgen compare studies/demo", "5eed5eed5eed5eed"):
        assert words in text


@pytest.mark.parametrize(
    "options",
    [
        {"seeds": 1, "names": FEW},
        {"names": ("shaped",)},
        {"names": ("shaped", "noisy"), "baselines": ()},
        {"cost": False, "ratings": False, "seeds": 3, "names": FEW},
        {"gamed": False, "seeds": 2, "people": 7, "names": FEW},
    ],
)
def test_less_is_shown_where_there_is_less(options):
    found = Parsed(written(**options))
    assert found.opened == []
    assert found.unlabelled == 0
    words = "".join(found.words)
    assert ("Who is told apart from whom" in words) == (options.get("names") != ("shaped",))
    assert ("Cost a dialogue" in words) == options.get("cost", True)
    assert ("an interval over seeds cannot be given" in words) == (options.get("seeds") == 1)
    assert not re.search(r"\bnan\b", words)


def test_without_curves_dialogues_and_yardsticks_their_sections_are_left_out():
    whole = planted(names=FEW, seeds=2, people=50)
    bare = Compared(**{**vars(whole), "curves": {}, "yardsticks": {}, "dialogues": ()})
    words = "".join(Parsed(page(bare, summary(bare))).words)
    for heading in ("Learning", "Every policy by every reward", "The same person"):
        assert heading not in words


def test_two_dialogues_part_where_they_first_differ_and_nothing_said_becomes_markup():
    under = {name: talk(name) for name in ("shaped", "engagement_only")}
    under["shaped"][2]["said"] = "<script>alert(1)</script>"
    longer = SamePerson(7, "by hand", {**under, "shaped": [*under["shaped"], {**under["shaped"][1], "turn": 3}]})
    whole = planted(names=("shaped", "engagement_only"), seeds=2)
    text = page(bare := Compared(**{**vars(whole), "dialogues": (longer,)}), summary(bare))
    assert "<script" not in text
    words = " ".join("".join(Parsed(text).words).split())
    assert "turn 1, the same under both" in words
    assert "turn 2: here they part" in words
    assert words.count("here they part") == 1
    assert "engagement_only: over" in words
    silent = SamePerson(7, "no words", {name: [{"turn": 0}] for name in under})
    without = Compared(**{**vars(whole), "dialogues": (silent,)})
    assert "The same person" not in page(without, summary(without))


def test_other_kinds_of_people_are_shown_where_policies_met_them():
    whole = planted(names=("shaped", "noisy"), seeds=2)
    end = {"mean": 0.25, "low": 0.125, "high": 0.375}
    kind = {"relief": {"shaped": end, "noisy": {**end, "mean": 0.3125}}, "best": "noisy"}
    kinds = {"as trained": {**kind, "tau": None}, "crisis": {**kind, "tau": {**end, "mean": -1.0}}}
    transfer = {"kinds": kinds, "holds": 0, "sentence": "It does not hold.", "told": "Two kinds."}
    text = page(whole, {**summary(whole), "transfer": transfer})
    assert Parsed(text).opened == []
    for words in (
        "It does not hold.",
        "Two kinds.",
        "crisis",
        "0.31",
        "\N{MINUS SIGN}1.00",
        "For the people of the training alone: on ",
    ):
        assert words in text


def test_charts_are_the_same_each_time():
    found = summarised(names=("shaped", "noisy"), seeds=2, people=50)
    assert plots(found) == plots(found)


def test_charts_of_unknown_figures_say_so():
    nan = float("nan")
    assert "unknown" in rows([Row("a", nan, nan, nan)], label="none", x_name="relief")
    assert "<svg" in panels({"a": Line([1], [nan], [nan], [nan])}, label="none", x_name="steps")
    assert "<svg" in scatter([Point("a", (nan,) * 3, (nan,) * 3, False)], label="none", x_name="x", y_name="y")


def test_names_of_points_lie_on_no_other_name():
    same = [Point(f"design {i}", (0.1, 0.1, 0.1), (0.2, 0.2, 0.2), True) for i in range(6)]
    drawn = scatter(same, label="six at one place", x_name="x", y_name="y")
    spots = [tuple(map(float, found)) for found in re.findall(r'translate\(([\d.]+) ([\d.]+)\)[^>]*">design', drawn)]
    spots = spots or [tuple(map(float, f)) for f in re.findall(r'x="([\d.]+)" y="([\d.]+)"[^>]*>design', drawn)]
    assert len(spots) == 6
    for i, (x, y) in enumerate(spots):
        assert all(abs(y - v) > 9 or abs(x - u) > 50 for u, v in spots[:i])
