"""A city file and what it names as one value, its fingerprint, and what keeps it from being taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.config.loader import ConfigRefusedError, Configuration, read_configuration

CITY = """
[city]
name = "Lier"
language = "en"

[[sites]]
id = "lier"
queues = [{ id = "onthaal", kind = "phone" }]

[history]
files = ["history.toml"]

[report]
sheet = "sheet.toml"

[notify]
templates = "%s"
"""
HISTORY = 'city = "Lier"\n[[figures]]\nkpi = "missed_ratio"\nperiod = "2022"\nvalue = 0.1156\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "mail.txt").write_text("{{ breach }}")
    (tmp_path / "history.toml").write_text(HISTORY)
    (tmp_path / "sheet.toml").write_text('title = "Follow-up"\n')
    city = tmp_path / "city.toml"
    city.write_text(CITY % (tmp_path / "templates"))
    return city


def edit(file: Path, before: str, after: str) -> None:
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))


def test_a_fingerprint_fits_a_figure_of_prometheus_and_is_the_same_each_time(file: Path) -> None:
    found = read_configuration(file)
    assert 0 < found.hash < 2**48
    assert int(float(found.hash)) == found.hash == read_configuration(file).hash
    assert [figure.value for figure in found.history[0].figures] == [0.1156]


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("city.toml", "\n[city]\n", "\n# since May\n[city]   # the city\n"),
        ("city.toml", 'name = "Lier"\nlanguage = "en"', "language = 'en'\nname = 'Lier'"),
        ("city.toml", '[city]\nname = "Lier"\nlanguage = "en"', 'city = { name = "Lier", language = "en" }'),
        ("history.toml", "value = 0.1156", "value = 1.156e-1  # published"),
        ("sheet.toml", "title", "\n\ntitle"),
    ],
)
def test_what_says_the_same_in_other_words_has_the_same(
    file: Path, name: str, before: str, after: str
) -> None:
    in_force = read_configuration(file).hash
    edit(file.with_name(name), before, after)
    assert read_configuration(file).hash == in_force


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("city.toml", 'language = "en"', 'language = "fr"'),
        ("city.toml", 'id = "onthaal"', 'id = "onthaal", name = "Front desk"'),
        ("history.toml", "0.1156", "0.1157"),
        ("sheet.toml", "Follow-up", "Opvolging"),
        ("templates/mail.txt", "{{ breach }}", "{{ breach }} #"),
    ],
)
def test_what_says_something_else_has_another(file: Path, name: str, before: str, after: str) -> None:
    in_force = read_configuration(file).hash
    edit(file.parent / name, before, after)
    assert read_configuration(file).hash != in_force


def test_a_template_under_another_name_is_another(file: Path) -> None:
    in_force = read_configuration(file).hash
    templates = file.parent / "templates"
    (templates / "mail.txt").rename(templates / "mail.html")
    assert read_configuration(file).hash != in_force


def mistakes(file: Path, in_force: Configuration | None = None) -> list[tuple[str, str]]:
    with pytest.raises(ConfigRefusedError) as refused:
        read_configuration(file, None if in_force is None else in_force.city)
    return [(Path(one.file).name, one.key) for one in refused.value.mistakes]


def test_every_mistake_is_told_at_once(file: Path) -> None:
    file.write_text(file.read_text() + '\n[live]\nmin_sampels = 3\nmissed_definition = "lier"\n')
    assert mistakes(file) == [("city.toml", "live.min_sampels"), ("city.toml", "live.missed_definition")]


@pytest.mark.parametrize(
    "text", [None, "[[figures]]", HISTORY + 'queue = "wonen"\n', "[[figures", HISTORY.replace("Lier", "Mol")]
)
def test_a_history_file_that_is_wrong_is_no_reason_for_those_who_do_not_need_it(
    file: Path, text: str | None
) -> None:
    history = file.with_name("history.toml")
    history.unlink() if text is None else history.write_text(text)
    assert {name for name, _ in mistakes(file)} == {"history.toml"}
    assert read_configuration(file, needs_history=False).history == ()


def test_a_sheet_that_cannot_be_read_is_the_reports_own_business(file: Path) -> None:
    in_force = read_configuration(file).hash
    file.with_name("sheet.toml").unlink()
    assert read_configuration(file).hash != in_force


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [("", "", False), ("", "1", False), ("", "2", True), ("2", "", True), ("2", "2", False)],
)
def test_the_number_of_partitions_cannot_change_while_a_service_runs(
    file: Path, before: str, after: str, refused: bool
) -> None:
    text = file.read_text()

    def write(partitions: str) -> None:
        file.write_text(text + (f"\n[pipeline]\npartitions = {partitions}\n" if partitions else ""))

    write(before)
    in_force = read_configuration(file)
    write(after)
    if refused:
        assert mistakes(file, in_force) == [("city.toml", "pipeline.partitions")]
    else:
        assert read_configuration(file, in_force.city).hash
