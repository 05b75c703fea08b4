"""What the notifier is told from outside besides the city file."""

from __future__ import annotations

import pytest

from services.notifier.settings import NotifierSettings
from shared.config.model import CityFile

HERE, THERE = "http://127.0.0.1:8003/", "https://wachtpost.example.org/"


@pytest.mark.parametrize(
    ("told", "own", "reached"),
    [(None, None, "None"), (HERE, None, HERE), (HERE, THERE, THERE), (None, THERE, THERE)],
)
def test_where_people_reach_it_is_the_city_s_word_first(
    told: str | None, own: str | None, reached: str
) -> None:
    sites = [{"id": "huis", "queues": [{"id": "onthaal", "kind": "phone"}]}]
    document = {"city": {"name": "Proefstad"}, "sites": sites, "notify": {"base_url": own} if own else {}}
    city = NotifierSettings.model_validate({"base_url": told}).reached(CityFile.model_validate(document))
    assert str(city.notify.base_url) == reached
