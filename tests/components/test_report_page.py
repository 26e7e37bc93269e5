"""The report page: right numbers, nothing external, and no text that gets out of its place."""

import dataclasses
import re
from html import unescape
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from components.html.rendering import (
    format_duration,
    format_interval,
    format_number,
    format_share,
)
from components.report import figures
from components.report.page import ReportData, most_confused, render_page, weakest_parts
from components.report.precision_recall import PrecisionRecall

HOSTILE = '<script>alert("x")</script>'
SHA256 = "4d878af3e306" * 5 + "abcd"


def compared(name: str, accuracy: float, chosen: bool) -> dict[str, Any]:
    """A row of the comparison of models."""
    return {
        "name": name,
        "head": "dense",
        "features": "fusion",
        "task": "single_label",
        "network": "vggish",
        "trainable_parameters": 5_130,
        "ensemble": None,
        "metrics": {"eval": {"accuracy": accuracy}, "test": {"accuracy": 0.9}},
        "blessed": accuracy > 0.5,
        "chosen": chosen,
        "cross_validation": None,
    }


def shown_clip(clip_id: str, true: list[str], predicted: list[str]) -> dict[str, Any]:
    return {
        "clip_id": clip_id,
        "true": true,
        "predicted": predicted,
        "scores": [(name, 0.625) for name in predicted],
        "sound": "data:audio/mpeg;base64,AAAA",
        "picture": "data:image/webp;base64,AAAA",
    }


def make_report(classes: list[str], **changes: Any) -> ReportData:
    """A report of a run where each class has 9 test clips right and 1 taken for the next class."""
    number = len(classes)
    confusion = [[0] * number for _ in classes]
    for row in range(number):
        confusion[row][row] = 9
        confusion[row][(row + 1) % number] = 1
    counts = {"train": 40, "eval": 8, "test": 10}
    summary = {
        "clips": {
            "found": 58 * number + 2,
            "accepted": 58 * number,
            "rejected": 2,
            "by_reason": {"unreadable": 1, "empty": 1},
            "by_split": {split: count * number for split, count in counts.items()},
            "by_label": {label: counts for label in classes},
            "groups": {"known": 12, "files": 58 * number, "largest": None, "likely": None},
            "warnings": [],
        },
        "features": {"windows": 12_345, "embedded": 15, "reused": 1_485},
        "drift": {
            "eval": {"windows": 80, "distance": None},
            "test": {"windows": 1_234, "distance": 3.14159},
        },
        "model": {
            "head": "dense",
            "features": "block3_mean_max",
            "task": "single_label",
            "compute": "float32",
            "parameters": 72_141_184,
            "network": "vggish",
            "trainable_parameters": 5_130,
            "weights": SHA256,
            "learned_from": None,
            "ensemble": None,
        },
        "metrics": {
            "eval": {"accuracy": 0.925, "loss": 0.31},
            "test": {"accuracy": 0.9, "top_5_accuracy": 0.98765},
        },
        "calibration": {
            "slope": 0.5,
            "offset": 0.0,
            "multi_label": False,
            "loss_before": 0.9,
            "loss_after": 0.4,
            "error_before": 0.2,
            "error_after": 0.05,
        },
        "cross_validation": None,
        "tuning": None,
        "baselines": {
            "majority": 0.1,
            "mfcc": {"score": 0.6, "train": 400, "test": 100},
            "previous": 0.85,
        },
        "target_precision": None,
        "open_set": None,
        "test_events": None,
        "test_predictions": "/runs/one/test_predictions.parquet",
        "models": [compared("dense", 0.925, chosen=True)],
        "checks": [{"metric": "accuracy", "value": 0.9, "bound": "at least 0.5", "passed": True}],
        "blessed": True,
        "pushed_path": "/runs/one/serving/1700000000",
        "seconds": {"AudioExampleGen": 4.25, "Trainer": 61.0, "total": 725.0},
        "versions": {"tensorflow": "2.16.2"},
    }
    report = ReportData(
        summary=summary,
        history={
            "loss": [2.0, 1.0, 0.5],
            "accuracy": [0.3, 0.6, 0.875],
            "val_loss": [2.1, 1.2, 0.8],
            "val_accuracy": [0.2, 0.5, 0.75],
        },
        classes=classes,
        confusion=confusion,
        per_class={
            label: {"precision": 0.9, "recall": 0.9, "f1": 0.9, "support": 10} for label in classes
        },
        thresholds={},
        slices={},
        rejects=[
            {"clip_id": "dog/a.wav", "reason": "unreadable", "detail": "Not a sound file."},
            {"clip_id": "dog/b.wav", "reason": "empty", "detail": "No samples."},
        ],
        lineage=[
            {
                "node": "Pusher",
                "artifact": "pushed_model",
                "type": "PushedModel",
                "uri": "/runs/one/pipeline/Pusher/pushed_model/9",
                "properties": {"pushed_version": "1700000000"},
            }
        ],
        config_yaml="train:\n  epochs: 3\n",
        mistakes=[shown_clip("dog/a.wav", ["bell"], ["rain"])],
        least_sure=[],
        precision_recall={},
        reliability={"confidence": [0.4, 0.9], "right": [0.5, 0.85], "counts": [10, 20]},
        created="20 November 2025, 11:45 UTC",
    )
    return dataclasses.replace(report, **changes)


def with_summary(report: ReportData, **changes: Any) -> ReportData:
    return dataclasses.replace(report, summary={**report.summary, **changes})


def random_weights(report: ReportData) -> ReportData:
    return with_summary(report, model={**report.summary["model"], "weights": "random"})


class Tags(HTMLParser):
    """Every start tag of a page, and the tags that were opened and never closed."""

    VOID = frozenset({"meta", "br", "hr", "img", "input", "link"})

    def __init__(self, page: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def of(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


def text_of(page: str) -> str:
    """What is read: no tags, no style, and single spaces."""
    without_style = re.sub(r"<style.*?</style>", "", page, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", without_style)).split())


def section(page: str, identifier: str) -> str:
    (found,) = re.findall(rf'<section id="{identifier}">.*?</section>', page, flags=re.DOTALL)
    return found


def drawings(page: str) -> list[str]:
    return re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)


def svg_texts(drawing: str) -> list[str]:
    root = ElementTree.fromstring(drawing)  # noqa: S314 It is our own drawing.
    return ["".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")]


@pytest.fixture(scope="module")
def page() -> str:
    return render_page(make_report(["bell", "rain", "wind"]))


def test_shares_of_a_recording_s_clips_are_of_all_clips() -> None:
    report = make_report(["dog", "cat"])
    report.summary["clips"]["accepted"] = 3  # Files; `ingest.long: split` makes many clips of one.
    page = render_page(report)
    shares = re.findall(r'<th scope="row">(?:train|eval|test)</th>.*?([\d.]+)%', page)
    assert shares == ["69.0", "13.8", "17.2"]


def test_curve_of_the_rate_finder_is_shown_where_a_rate_was_found() -> None:
    found = {"rates": [1e-6, 1e-4, 1e-2, 1.0], "losses": [2.3, 2.2, 0.9, 4.0], "chosen": 1e-3}
    page = render_page(make_report(["dog", "cat"], rate_finder=found))
    assert "lowest at 0.01; 0.001 was chosen." in page
    assert "chosen: 0.001" in page
    assert "mathdefault" not in page
    assert "loss at rising learning rates" not in render_page(make_report(["dog", "cat"]))


def test_a_sample_of_the_training_clips_is_said() -> None:
    report = make_report(["dog", "cat"])
    for sample, said in ((4_000, True), (90_000, False)):
        counts = {"clips": 90_000, "components": 90_000, "classifier": sample}
        model = {**report.summary["model"], "learned_from": counts}
        page = text_of(render_page(with_summary(report, model=model)))
        assert ("learned from 4,000 of 90,000 training clips" in page) == said
        assert ("train.memory_gb" in page) == said


def test_what_a_score_means_is_shown(page: str) -> None:
    scores = section(page, "reliability")
    assert "cross-entropy falls from 0.900 to 0.400" in text_of(scores)
    assert "was 20.0% and is 5.0%" in text_of(scores)
    (drawing,) = drawings(scores)
    assert "share that is right" in svg_texts(drawing)
    assert "of 30 scores of the test split" in drawing
    plain = render_page(with_summary(make_report(["dog", "cat"]), calibration=None))
    assert "as the head gave them" in text_of(section(plain, "reliability"))


def test_headline_has_the_run_s_numbers(page: str):
    text = text_of(page)
    assert "Test accuracy 90.0% on 30 clips that training never saw" in text
    assert "✓ Pushed Blessed, and ready to be served from /runs/one/serving/1700000000" in text
    assert "Clips 174 accepted of 176 found, 2 rejected ; 12,345 windows of 0.96 s" in text
    assert "the network embedded 15 clips, and 1,485 came from features.cache" in text
    assert f"checkpoint sha256 {SHA256} 72,141,184 parameters, 5,130 of them trained" in text
    assert "3 classes · head dense on block3_mean_max · 12 min 5 s" in text
    assert "20 November 2025, 11:45 UTC" in text


def test_tables_have_the_run_s_numbers(page: str):
    assert "train 120 69.0% eval 24 13.8% test 30 17.2%" in text_of(section(page, "classes"))
    metrics = text_of(section(page, "metrics"))
    assert "Metric eval test Accuracy 92.5% 90.0%" in metrics
    assert "Cross-entropy 0.310 —" in metrics
    assert "among the five" not in metrics  # Of three classes, it says nothing.
    assert "this one 90.0%" in metrics
    assert "the one that was pushed before 85.0%" in metrics
    assert "logistic regression on MFCC, of 400 train and 100 test clips 60.0%" in metrics
    assert "always the most frequent class of train 10.0%" in metrics
    assert "accuracy 0.9000 at least 0.5 ✓ passed" in metrics
    assert "bell 90.0% 90.0% 90.0% 10" in text_of(section(page, "per-class"))
    software = text_of(section(page, "software"))
    assert "AudioExampleGen 4.2 s Trainer 61 s total 12 min 5 s" in software
    assert "tensorflow 2.16.2" in software


def test_lineage_and_configuration_are_shown(page: str):
    lineage = text_of(section(page, "lineage"))
    assert "pushed_model (PushedModel) from Pusher" in lineage
    assert "where /runs/one/pipeline/Pusher/pushed_model/9 pushed_version 1700000000" in lineage
    assert "<code>train:\n  epochs: 3\n</code>" in section(page, "configuration")


def test_shares_of_clips_that_were_cut_from_files_add_up_to_one():
    report = make_report(["bell", "rain"])
    clips = report.summary["clips"] | {"accepted": 10}  # Of which each gave several clips.
    shown = text_of(section(render_page(with_summary(report, clips=clips)), "classes"))
    assert "train 80 69.0% eval 16 13.8% test 20 17.2%" in shown


def test_mistakes_have_their_sounds(page: str):
    errors = section(page, "errors")
    assert "dog/a.wav bell taken for rain rain 62.5%" in text_of(errors)
    assert "No test clip has only right decisions." in errors
    assert "at most 2.0 MB" in errors
    ((_, audio),) = [tag for tag in Tags(errors).tags if tag[0] == "audio"]
    assert audio["src"] == "data:audio/mpeg;base64,AAAA"
    assert audio["preload"] == "metadata"  # The length is shown before a sound is played.
    assert "media-src data:" in page


def test_five_of_six_classes_are_a_metric():
    page = render_page(make_report([f"class {i}" for i in range(6)]))
    assert "True class among the five highest — 98.8%" in text_of(section(page, "metrics"))


def test_the_weakest_class_comes_first():
    scores = {
        label: {"precision": f1, "recall": f1, "f1": f1, "support": 10}
        for label, f1 in {"bell": 0.9, "rain": 0.25, "wind": 0.5}.items()
    }
    shown = section(render_page(make_report(list(scores), per_class=scores)), "per-class")
    assert shown.index("rain") < shown.index("wind") < shown.index("bell")


def test_every_tag_is_closed_and_every_id_is_single(page: str):
    tags = Tags(page)
    assert tags.open == []
    identifiers = [attributes["id"] for _, attributes in tags.tags if "id" in attributes]
    assert len(identifiers) == len(set(identifiers)) > 100
    internal = [attributes["href"] for attributes in tags.of("a")]
    assert {f"#{identifier}" for identifier in identifiers} >= set(internal)


def test_nothing_is_fetched_and_nothing_is_run(page: str):
    tags = Tags(page)
    assert {tag for tag, _ in tags.tags} & {"script", "link", "iframe", "object"} == set()
    for _, attributes in tags.tags:
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href", "xlink:href"):
            assert re.match(
                r"#|data:(image|audio)/\w+;base64,|$", (attributes.get(name) or "").strip()
            )
    assert "@import" not in page
    assert set(re.findall(r"url\((.)", page)) == {"#"}


def test_random_weights_are_said_loudly():
    page = render_page(random_weights(make_report(["bell", "rain"])))
    text = text_of(page)
    assert "These numbers come from random weights." in text
    assert "started from seeded random numbers, not from the released checkpoint" in text
    assert "90.0% on 20 clips that training never saw, with random weights" in text
    assert page.index('class="loud"') < page.index("Test accuracy")


def test_a_real_checkpoint_has_no_notice(page: str):
    assert "random" not in text_of(page)
    assert 'class="loud"' not in page


def test_a_model_that_is_not_blessed_has_its_reasons():
    checks = [
        {"metric": "accuracy", "value": 0.9, "bound": "at least 0.95", "passed": False},
        {"metric": "loss", "value": 0.1, "bound": "at most 1", "passed": True},
    ]
    report = with_summary(
        make_report(["bell", "rain"]), checks=checks, blessed=False, pushed_path=None
    )
    text = text_of(render_page(report))
    assert "✗ Not blessed So it was not pushed. accuracy is 0.9000 and must be at least 0.95." in (
        text
    )
    assert "loss is" not in text
    assert "accuracy 0.9000 at least 0.95 ✗ failed loss 0.1000 at most 1 ✓ passed" in text
    assert "Pushed" not in text.split("Clips by class")[0]


def test_blessed_but_not_pushed():
    text = text_of(render_page(with_summary(make_report(["bell", "rain"]), pushed_path=None)))
    assert "✓ Blessed It passed every condition, but was not pushed." in text


def test_hostile_texts_stay_texts():
    label = f"{HOSTILE} $x^2$ \" onload='x' \x00\x1b\udcff"
    report = make_report([label, "rain"])
    report = dataclasses.replace(
        report,
        rejects=[{"clip_id": HOSTILE, "reason": HOSTILE, "detail": HOSTILE}],
        lineage=[
            {
                "node": HOSTILE,
                "artifact": HOSTILE,
                "type": HOSTILE,
                "uri": "javascript:alert(1)",
                "properties": {HOSTILE: HOSTILE},
            }
        ],
        config_yaml=HOSTILE,
        mistakes=[shown_clip(HOSTILE, [HOSTILE], [HOSTILE])],
        created=HOSTILE,
    )
    checks = [{"metric": HOSTILE, "value": 0.1, "bound": HOSTILE, "passed": False}]
    report = with_summary(report, checks=checks, blessed=False, pushed_path=HOSTILE)
    page = render_page(report)
    tags = Tags(page)
    assert tags.of("script") == []
    assert tags.open == []
    assert not [name for _, attributes in tags.tags for name in attributes if name == "onload"]
    assert "javascript:" not in "".join(a.get("href") or "" for _, a in tags.tags)
    assert text_of(section(page, "rejects")).count(HOSTILE) == 3
    assert text_of(section(page, "lineage")).count(HOSTILE) == 5
    page.encode("utf-8")


def test_a_long_label_is_cut_in_figures_and_whole_in_tables():
    label = "Speech, human voice and\nseveral people talking at the same time"
    page = render_page(make_report([label, "rain"]))
    for drawing in (drawings(page)[0], *drawings(section(page, "confusion"))):
        assert "Speech, human voice and sev…" in svg_texts(drawing)
    assert " ".join(label.split()) in text_of(section(page, "per-class"))


def test_rejects_are_counted_and_fifty_of_them_shown():
    rejects = [
        {"clip_id": f"dog/{number:04d}.wav", "reason": "empty", "detail": "No samples."}
        for number in range(70)
    ]
    report = make_report(["bell", "rain"], rejects=rejects)
    clips = report.summary["clips"] | {
        "found": 2_000,
        "rejected": 1_500,
        "by_reason": {"empty": 1_500},
    }
    shown = section(render_page(with_summary(report, clips=clips)), "rejects")
    assert "1,500 of 2,000 files (75.0%) were refused" in text_of(shown)
    assert len(re.findall(r"dog/\d{4}\.wav", shown)) == 50
    assert "and 1,450 more" in text_of(shown)


def test_no_rejects():
    report = make_report(["bell", "rain"], rejects=[])
    clips = report.summary["clips"] | {"found": 116, "rejected": 0, "by_reason": {}}
    page = render_page(with_summary(report, clips=clips))
    assert "No file was rejected: each of the 116 files became a clip." in text_of(
        section(page, "rejects")
    )
    assert "none rejected" in text_of(page)


def test_a_page_made_before_the_run_is_over_has_no_times():
    report = make_report(["bell", "rain"])
    summary = {key: value for key, value in report.summary.items() if key != "seconds"}
    page = render_page(dataclasses.replace(report, summary=summary))
    assert "Time by node" not in page
    assert "head dense on block3_mean_max Classes" in text_of(page)
    assert "Versions tensorflow 2.16.2" in text_of(section(page, "software"))


def test_what_is_absent_is_said_to_be_absent():
    report = make_report(["bell", "rain"], history={}, confusion=[], per_class={}, lineage=[])
    page = render_page(with_summary(report, metrics={}, checks=[], blessed=False, pushed_path=None))
    text = text_of(page)
    assert len(drawings(page)) == 2
    assert "Test accuracy — not measured" in text
    assert "There are no training curves: the head dense left no history by epochs." in text
    assert "No metrics were computed." in text
    assert "There is no confusion matrix for this run." in text
    assert "There are no scores by class for this run." in text
    assert "No lineage was recorded." in text
    assert "The Evaluator gave no failed condition." in text


@pytest.mark.parametrize("number", [2, 20, 21, 80, 150])
def test_any_number_of_classes(number: int):
    classes = [f"sound {row:03d}" for row in range(number)]
    page = render_page(make_report(classes))
    assert len(drawings(page)) == 5
    (drawing,) = drawings(section(page, "confusion"))
    matrix = svg_texts(drawing)
    assert matrix.count("9") == (number if number <= 20 else 0)
    assert matrix.count("1") == (number if number <= 20 else 0)
    assert matrix.count("sound 001") == (2 if number <= 100 else 0)
    assert ("100%" in matrix) == (number > 20)
    assert Tags(page).open == []
    assert len(page) < 1_000_000


def test_every_figure_says_what_it_shows(page: str):
    labels = [svg["aria-label"] for svg in Tags(page).of("svg")]
    assert labels == [
        "Bar chart: clips of each of 3 classes in the splits train, eval and test.",
        "Line chart: loss over 3 epochs, 0.5 at the end on the train split and 0.8 on the eval "
        "split.",
        "Line chart: accuracy over 3 epochs, 0.875 at the end on the train split and 0.75 on the "
        "eval split.",
        "Confusion matrix of 3 classes: 27 of 30 clips are on the diagonal.",
        "Line chart: of 30 scores of the test split, the share that is right, in 2 intervals of "
        "the score.",
    ]


def test_figures_take_the_page_s_colours(page: str):
    for drawing in drawings(page):
        assert "currentColor" in drawing
        assert "var(--rule)" in drawing or "var(--train)" in drawing
        assert not re.findall(r"#0[1-5]0[1-5]0[1-5]", drawing)


def test_the_same_report_gives_the_same_page():
    report = make_report(["bell", "rain"])
    assert render_page(report) == render_page(report)


def test_the_distribution_begins_with_the_largest_class():
    drawing = figures.class_distribution(
        {"few": {"train": 1, "test": 2}, "many": {"train": 1_000, "eval": 234}}
    )
    texts = svg_texts(drawing)
    assert texts.index("many") < texts.index("few")
    assert texts.count("1,234") == texts.count("3") == 1
    assert texts[-3:] == ["train", "eval", "test"]


def several_labels(report: ReportData) -> ReportData:
    """The report of a run whose clips have several labels, or none."""
    score = {"precision": 0.5, "recall": 0.25, "f1": 1 / 3, "average_precision": 0.625}
    score |= {"auc": 0.75, "lwlrap": 0.875, "label_accuracy": 0.95, "support": 8}
    metrics = {
        "train": {"lwlrap": 0.9, "loss": 0.2},
        "test": {"lwlrap": 0.8, "hamming_loss": 0.05, "exact_match": 0.4},
        "test_intervals": {"lwlrap": [0.75, 0.849], "exact_match": [0.3, 0.5]},
    }
    report = dataclasses.replace(
        report,
        confusion=[],
        per_class={**dict.fromkeys(report.classes[1:], score), report.classes[0]: {"support": 0}},
        thresholds={label: 0.5 + 0.125 * i for i, label in enumerate(report.classes)},
    )
    compared = {"eval": {"lwlrap": 0.7}, "test": {"lwlrap": 0.8}}
    models = [{**report.summary["models"][0], "metrics": compared}]
    model = {**report.summary["model"], "task": "multi_label"}
    return with_summary(report, metrics=metrics, model=model, models=models)


def test_several_labels_have_their_own_metrics():
    page = render_page(several_labels(make_report(["bell", "rain"])))
    text = text_of(page)
    assert "Test lwlrap 80.0% 95% interval 75.0% to 84.9% on 20 clips" in text
    metrics = text_of(section(page, "metrics"))
    assert "Metric train test 95% interval lwlrap 90.0% 80.0% 75.0% to 84.9%" in metrics
    assert "Wrong decisions — 5.0% " in metrics
    by_class = text_of(section(page, "per-class"))
    assert "Average precision AUC lwlrap Right decisions Threshold Clips" in by_class
    assert "rain 50.0% 25.0% 33.3% 62.5% 75.0% 87.5% 95.0% 62.5% 8" in by_class
    assert "bell — — — — — — — 50.0% 0" in by_class
    assert by_class.index("rain") < by_class.index("bell")
    assert Tags(page).open == []


def test_the_page_says_how_sure_a_wanted_precision_is() -> None:
    known = {"threshold": 0.5, "clips": 20, "decided": 12, "precision": 1.0, "at_least": 0.779}
    never = {"threshold": 1.0000001, "clips": 4, "precision": None, "at_least": None}
    wanted = {"wanted": 0.95, "classes": {"bell": never, "rain": known}}
    report = with_summary(several_labels(make_report(["bell", "rain"])), target_precision=wanted)
    by_class = text_of(section(render_page(report), "per-class"))
    assert "with a precision of 95.0% on the eval split" in by_class
    assert "Never given, for lack of eval clips or of such a precision: bell." in by_class
    assert "Threshold Eval precision at least Eval clips Clips" in by_class
    assert "95.0% 62.5% 100.0% 77.9% 20 8" in by_class
    assert "bell — — — — — — — never — — 4 0" in by_class


def test_background_is_counted_where_there_is_any(page: str) -> None:
    report = make_report(["bell", "rain"])
    clips = report.summary["clips"] | {"background": 12}
    assert "12 clips of no class;" in text_of(render_page(with_summary(report, clips=clips)))
    assert "clips of no class" not in text_of(page)


def test_the_page_shows_clips_of_no_class() -> None:
    alarms = {"clips": 3, "hours": 0.05, "per_hour": 60.0, "interval": [12.4, 175.0]}
    auroc = {
        "score": {"value": 0.9, "interval": [0.85, 0.93]},
        "unfamiliarity": {"value": 1.0, "interval": None},
    }
    found = {"known": 60, "unknown": 40, "auroc": auroc, "false_alarms": alarms}
    report = several_labels(make_report(["bell", "rain"]))
    shown = text_of(section(render_page(with_summary(report, open_set=found)), "open-set"))
    assert "has 60 clips of the classes and 40 of none" in shown
    assert "3 of the latter got a label nevertheless, in 3 min 0 s of sound" in shown
    assert "60 false alarms an hour (95% interval 12.4 to 175)" in shown
    assert "a low highest score 0.900 0.850 to 0.930 unfamiliarity 1.000" in shown
    without = with_summary(report, open_set=found | {"false_alarms": None})
    assert "false alarms" not in text_of(section(render_page(without), "open-set"))
    assert 'id="open-set"' not in render_page(report)


def part(value: str, clips: int, score: float, interval: tuple[float, float] | None = None) -> Any:
    return {"value": value, "clips": clips, "score": score, "interval": interval}


def test_parts_of_the_split_are_shown():
    slices = {
        "duration": [part("0-0.5 s", 30, 0.75, (0.6, 0.9)), part("0.5-1 s", 4, 0.5)],
        "group": [part(f"speaker {i}", 6, i / 20) for i in range(15)],
        "label": [part("bell", 30, 0.9)],
    }
    report = make_report(["bell", "rain"], slices=slices)
    shown = text_of(section(render_page(report), "slices"))
    assert "Duration Test accuracy 95% interval Clips 0-0.5 s 75.0% 60.0% to 90.0% 30" in shown
    assert "0.5-1 s" not in shown
    assert "By group, the weakest 10 of 15" in shown
    assert "speaker 9" in shown
    assert "speaker 10" not in shown
    assert "bell" not in shown  # Of clips with one label the table of classes says the same.
    assert "have no interval" not in shown  # Shares of clips always have one.
    several = render_page(dataclasses.replace(several_labels(report), slices=slices))
    assert "Label Test lwlrap Clips bell 90.0% 30" in text_of(section(several, "slices"))
    assert Tags(several).open == []


def test_without_parts_the_page_says_so():
    shown = section(render_page(make_report(["bell", "rain"])), "slices")
    assert "No part of the test split was scored by itself." in text_of(shown)


def test_durations_keep_their_order_and_groups_begin_with_the_weakest():
    parts = [part("b", 9, 0.9), part("a", 9, 0.1), part("c", 4, 0.0)]
    assert [p["value"] for p in weakest_parts("duration", parts)] == ["b", "a"]
    assert [p["value"] for p in weakest_parts("group", parts)] == ["a", "b"]


def test_format_interval():
    assert format_interval((0.768, 0.8831)) == "(0.77-0.88)"
    assert format_interval(None) == ""


def test_a_curve_of_one_epoch_without_eval_split():
    drawing = figures.training_curve({"loss": [0.5]}, "loss")
    assert 'aria-label="Line chart: loss over 1 epoch, 0.5 at the end on the train split."' in (
        drawing
    )


def test_a_class_without_test_clips_has_an_empty_row():
    texts = svg_texts(figures.confusion_matrix(["bell", "rain"], [[7, 0], [0, 0]]))
    assert [text for text in texts if text.isdigit()] == ["7"]


def test_a_confusion_matrix_may_be_an_array():
    report = make_report(["bell", "rain"])
    as_array = dataclasses.replace(report, confusion=np.array(report.confusion))
    assert render_page(as_array) == render_page(report)


def test_most_confused_pairs_come_first():
    pairs = most_confused(["a", "b", "c"], [[5, 2, 1], [0, 6, 2], [0, 0, 3]], limit=2)
    assert pairs == [
        {"true": "a", "predicted": "b", "count": 2, "share": 0.25},
        {"true": "b", "predicted": "c", "count": 2, "share": 0.25},
    ]
    assert most_confused(["a", "b"], [[5, 0], [0, 0]], limit=9) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "—"),
        (float("nan"), "—"),
        (0.98765, "0.9877"),
        (1.0, "1.0000"),
        (0.0, "0.0000"),
        (3.2e-7, "3e-07"),
        (-0.01, "-0.0100"),
        (1_503.0, "1,503"),
        (1_234_567, "1,234,567"),
        (np.int64(1_503), "1,503"),
        ("x", "x"),
    ],
)
def test_format_number(value: object, text: str):
    assert format_number(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "—"), (float("nan"), "—"), (1.0, "100.0%"), (0.0333, "3.3%")]
)
def test_format_share(value: float | None, text: str):
    assert format_share(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (72.4, "72 s"),
        (725.2, "12 min 5 s"),
        (3_599.7, "1 h 0 min"),
        (7_380, "2 h 3 min"),
    ],
)
def test_format_duration(seconds: float, text: str):
    assert format_duration(seconds) == text


def test_models_are_compared_where_there_are_several() -> None:
    report = make_report(["dog", "cat"])
    assert "Models compared" not in render_page(report)
    rows = [
        compared("bad", 0.4, False),
        compared("plain", 0.7, False),
        compared("b<est", 0.8, True),
    ]
    page = render_page(with_summary(report, models=rows))
    section = page[page.index('<section id="models">') :]
    section = section[: section.index("</section>")]
    places = [section.index(name) for name in ("b&lt;est", "plain", "bad")]
    assert places == sorted(places)
    assert [section.count(text) for text in ("✓ chosen", "✓ blessed", "✗ not blessed")] == [1, 1, 1]


def test_an_ensemble_names_its_members() -> None:
    report = make_report(["dog", "cat"])
    members = [
        {"name": "dense", "head": "dense", "features": "fusion", "weight": 0.25},
        {"name": "m<chine", "head": "rbf_svm", "features": "mfcc", "weight": 0.756},
    ]
    ensemble = {"combine": "stack", "offset": 0.0, "members": members}
    one = compared("both", 0.8, True) | {"head": "ensemble", "ensemble": ensemble}
    model = report.summary["model"] | {"head": "ensemble", "ensemble": ensemble}
    rows = [one, compared("dense", 0.7, False)]
    page = " ".join(render_page(with_summary(report, models=rows, model=model)).split())
    assert "<td>ensemble of dense, m&lt;chine</td>" in page
    assert (
        "a weighted sum of the log-odds of <code>dense</code> (dense on fusion, weight 0.25)"
        in page
    )
    assert "(rbf_svm on mfcc, weight 0.76)." in page
    ensemble["combine"] = "mean"
    page = " ".join(render_page(with_summary(report, models=rows, model=model)).split())
    assert "the mean of the scores of <code>dense</code> (dense on fusion)" in page


def test_the_page_shows_how_far_splits_are_from_the_training_split() -> None:
    report = make_report(["cat", "dog"])
    page = render_page(report)
    assert "Distance from the training split" in page
    assert re.search(r"test</th><td[^>]*>1,234</td><td[^>]*>3.14<", page)
    assert re.search(r"eval</th><td[^>]*>80</td><td[^>]*>too few<", page)
    without = dataclasses.replace(report, summary={**report.summary, "drift": {}})
    assert "Distance from the training split" not in render_page(without)


FOLDS = {
    "folds": [
        {
            "fold": HOSTILE,
            "clips": {"train": 60, "eval": 7, "test": 20},
            "metrics": {"accuracy": 0.81},
        },
        {"fold": "2", "clips": {"train": 61, "eval": 6, "test": 20}, "metrics": {"accuracy": 0.84}},
    ],
    "mean": {"accuracy": 0.825},
    "deviation": {"accuracy": 0.021},
    "pooled": {"accuracy": 0.826, "clips": 40},
    "intervals": {"accuracy": [0.7, 0.9]},
}


def test_a_cross_validation_is_shown_by_fold_and_by_model() -> None:
    report = make_report(["bell", "rain"])
    models = [compared("one", 0.9, chosen=True) | {"cross_validation": FOLDS}]
    models.append(compared("two", 0.8, chosen=False))
    page = render_page(with_summary(report, models=models, cross_validation=FOLDS))
    shown = text_of(section(page, "folds"))
    assert "2 60" not in shown
    assert "alert" in shown
    assert "2 61 6 20 84.0%" in shown
    assert "mean over folds 82.5%" in shown
    assert "standard deviation over folds 2.1%" in shown
    assert "all clips together 40 82.6%" in shown
    assert "95% interval 70.0% to 90.0%" in shown
    compared_models = text_of(section(page, "models"))
    assert "Accuracy over folds" in compared_models
    assert "82.6% 70.0% to 90.0%" in compared_models
    assert Tags(page).open == []
    assert "<script>" not in page
    assert 'href="#folds"' in page


def test_nothing_is_said_of_folds_without_a_cross_validation(page: str) -> None:
    assert "folds" not in text_of(page)


def test_trials_of_a_search_are_shown_the_best_first() -> None:
    trials: list[dict[str, Any]] = [
        {"number": 0, "settings": {"model": {}, "train": {}}, "scores": [0.7, 0.8, 0.9]},
        {"number": 1, "settings": {"model": {"head": "knn"}, "train": {}}, "scores": [0.99]},
        {"number": 2, "settings": {"model": {"head": HOSTILE}, "train": {}}, "scores": [0.9] * 3},
        {"number": 3, "settings": {"model": {"head": "xgboost"}, "train": {}}, "scores": []},
    ]
    trials = [trial | {"seconds": 3.0, "failed": None} for trial in trials]
    found = {"metric": "accuracy", "folds": 3, "chosen": 2, "trials": trials}
    page = render_page(with_summary(make_report(["bell", "rain"]), tuning=found))
    shown = text_of(section(page, "tuning"))
    assert shown.index("2 90.0% 3") < shown.index("0 80.0% 3") < shown.index("1 99.0% 1")
    assert "settings of trial 2" in shown
    assert "as configured" in shown
    assert "{model: {head: knn}}" in shown
    assert "xgboost" not in shown
    assert "<script>" not in page
    assert Tags(page).open == []
    (drawing,) = drawings(section(page, "tuning"))
    assert "of 3 trials, from 0.800 to 0.990; the configured settings have 0.800" in drawing


def test_precision_and_recall_have_a_plot_a_class() -> None:
    names = ["dog", "cat", "a_b & <c>"]
    curve: PrecisionRecall = {"precision": [1.0, 0.5], "recall": [0.5, 1.0], "chosen": 0}
    curves = dict.fromkeys(names, curve) | {"cow": curve | {"chosen": None}}
    report = make_report([*curves, "owl"])
    page = render_page(dataclasses.replace(report, precision_recall=curves))
    shown = section(page, "precision-recall")
    assert "the 4 with the most test clips" in text_of(shown)
    (drawing,) = drawings(shown)
    assert {*names, "cow", "recall", "precision"} <= set(svg_texts(drawing))
    assert 'href="#precision-recall"' in page
    assert "precision-recall" not in render_page(report)
