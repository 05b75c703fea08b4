"""What makes an alarm superfluous: something worse that explains it. There are two such things.

- A dead feed: while a source of a site is silent, the site's figures rest on nothing.
- The limit itself: whoever is told that it was exceeded knows that it was nearly reached.
"""

from __future__ import annotations

from services.notifier.model import Breach
from shared.contract.breach_events import Level
from shared.contract.kpis import Measure


def inhibits(firing: Breach, other: Breach) -> bool:
    """Whether the one, which is firing, makes telling of the other superfluous."""
    if firing.measure is Measure.NO_DATA:
        # The error budget rests on the same feed as the KPIs; another feed without data stands by itself.
        return other.measure is not Measure.NO_DATA and other.site == firing.site
    return (
        firing.level is Level.LIMIT
        and other.level is Level.WARNING
        and (firing.rule, firing.site, firing.queue) == (other.rule, other.site, other.queue)
    )
