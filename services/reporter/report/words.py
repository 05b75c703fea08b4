"""What a policy report says, per language. The headings of the indicators are the policy follow-up's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Words:
    """One language. Texts with fields are ``str.format`` patterns."""

    language: str
    short_months: tuple[str, ...]

    # The page
    title: str
    made: str
    counted_until: str
    running_until: str
    since: str
    comment: str
    page: str

    # Headings
    summary: str
    visit_waits: str
    call_waits: str
    speeds: str
    missed_years: str
    lead_times: str
    definitions: str
    budget: str
    gaps: str

    visits_unknown: str
    legend_reported: str
    calls_count: str
    unknown_definition: str
    answered_within: str
    summary_caption: str
    summary_missed: str
    summary_call_wait: str
    summary_lead: str
    summary_visit: str

    # Columns and marks
    indicator: str
    month: str
    year: str
    target: str
    verdict: str
    latest: str
    share_missed: str
    mean_wait: str
    mean_lead: str
    calls: str
    answered: str
    visits: str
    booked: str
    definition: str
    origin: str
    counted: str
    reported: str
    met: str
    not_met: str
    met_so_far: str
    not_met_so_far: str
    met_months: str
    no_target: str
    not_judged: str
    no_figures: str
    unknown_samples: str
    running: str
    partly_from: str
    at_most: str
    at_least: str
    days_unit: str
    day_unit: str

    # What is shown
    visit_caption: str
    visit_about: str
    visit_month_chart: str
    target_bars_note: str
    own_scale: str
    call_caption: str
    call_about: str
    call_chart: str
    speed_caption: str
    speed_about: str
    speed_chart: str
    category: str
    category_above: str
    years_caption: str
    years_about: str
    years_chart: str
    missed_months_caption: str
    not_for_month: str
    lead_caption: str
    lead_about: str
    lead_chart: str
    chart_below: str
    break_note: str
    break_kinds: Mapping[str, str]
    what_counts: str
    short_abandon: str
    source: str
    own_source: str
    reported_source: str
    gaps_of: str
    gaps_none_of: str

    # Definitions
    missed_caption: str
    levels_caption: str
    definitions_about: str
    counts: str
    missed: str
    contacts: str
    divided_by: str
    on_time: str
    explained: str
    active: str
    active_is: str
    other_missed: str
    change: str
    same: str
    points_more: str
    points_less: str
    points_same: str
    short_left_out: str
    not_counted: str
    level: str
    of_all: str
    of_answered: str
    other_level: str
    more: str
    fewer: str
    as_many: str
    no_calls: str

    # Error budget
    budget_about: str
    budget_caption: str
    so_far: str
    left: str
    open_left: str
    open_hours: str
    expected: str
    affordable: str
    will_miss: str
    projected: str
    interval: str
    from_to: str
    budget_open: str
    budget_no_projection: str
    budget_over_met: str
    budget_over_lost: str
    warning: str
    budget_lost: str
    budget_expect_lost: str
    budget_other_period: str
    no_projection: str
    nothing_more: str
    too_many: str
    method: str
    no_budget: str

    # Gaps
    gap: str
    gap_day: str
    gap_many: str
    gap_many_days: str
    expected_some: str
    expected_less: str
    expected_unknown: str
    no_gaps: str
    before_first: str
    gap_days: Mapping[bool, str]
    """By whether it is one."""

    # Errors
    bad_period: str
    not_begun: str
    before_first_day: str
    nothing_counted: str
    comment_long: str
    no_site: str
    no_pdf: str
    pdf_library: str
    terminal: str
    written: str
    unknown_suffix: str
    other_sheet: str


NL: Final = Words(
    language="nl",
    short_months=("jan", "feb", "mrt", "apr", "mei", "jun", "jul", "aug", "sep", "okt", "nov", "dec"),
    title="Beleidsindicatoren {city}, {period}",
    made="Opgemaakt op {day} om {time}.",
    counted_until="Cijfers over {first} tot en met {last}.",
    running_until="De periode loopt nog: cijfers tot en met {last}.",
    since="Wachtpost telt sinds {first}; de dagen daarvoor zijn niet geteld.",
    comment="Toelichting",
    page="Bladzijde",
    summary="Overzicht van de doelen",
    visit_waits="Bezoekerswachttijd per activiteitcluster Stadskantoor (maandelijks)",
    call_waits="Gemiddelde wachttijd beantwoorde oproepen klantencontactcentrum (maandelijks)",
    speeds="Percentage beantwoorde oproepen klantencontactcentrum naar snelheidscategorie (maandelijks)",
    missed_years="Procentueel aandeel gemiste oproepen klantencontactcentrum stadskantoor (jaarlijks)",
    lead_times="Gemiddelde doorlooptijd tot een afspraak (maandelijks)",
    definitions="Dezelfde oproepen onder andere definities",
    budget="Ruimte tot het doel: hoeveel oproepen mogen er nog gemist worden?",
    gaps="Ontbrekende gegevens",
    visits_unknown="aantal niet vermeld",
    legend_reported="gerapporteerd, van vóór Wachtpost",
    calls_count="{} oproepen",
    unknown_definition="niet vermeld",
    answered_within="Op tijd beantwoord",
    summary_caption="Elk doel, de laatste waarde en het oordeel",
    summary_missed="Gemiste oproepen",
    summary_call_wait="Wachttijd aan de telefoon",
    summary_lead="Doorlooptijd tot een afspraak",
    summary_visit="Wachttijd {name}",
    indicator="Indicator",
    month="Maand",
    year="Jaar",
    target="Doel",
    verdict="Oordeel",
    latest="Laatste waarde",
    share_missed="Aandeel gemist",
    mean_wait="Gemiddelde wachttijd",
    mean_lead="Gemiddelde doorlooptijd",
    calls="Oproepen",
    answered="Beantwoorde oproepen",
    visits="{} bezoekers",
    booked="Gemaakte afspraken",
    definition="Definitie",
    origin="Herkomst",
    counted="geteld",
    reported="gerapporteerd",
    met="gehaald",
    not_met="niet gehaald",
    met_so_far="tot nu toe gehaald",
    not_met_so_far="tot nu toe niet gehaald",
    met_months="gehaald in {met} van {all} maanden",
    no_target="geen doel",
    not_judged="niet beoordeeld",
    no_figures="geen gegevens",
    unknown_samples="niet vermeld",
    running="tot en met {last}",
    partly_from="geteld vanaf {first}",
    at_most="≤ {}",
    at_least="≥ {}",
    days_unit="{} werkdagen",
    day_unit="{} werkdag",
    visit_caption="Gemiddelde wachttijd aan het loket van bezoekers met een afspraak, {period}",
    visit_about="Minuten en seconden (m:ss) tussen het afgesproken uur, of de aankomst als die later is, "
    "en de oproep aan het loket. Bezoekers zonder afspraak en wie te vroeg werd opgeroepen, tellen niet "
    "mee.",
    visit_month_chart="Gemiddelde wachttijd per activiteitcluster, {period}",
    target_bars_note="Streep: het doel. Gearceerd: niet gehaald.",
    own_scale="Elke grafiek heeft haar eigen schaal. Stippellijn: het doel. Gearceerd: boven het doel.",
    call_caption="Gemiddelde wachttijd van beantwoorde oproepen, {period}",
    call_about="Som van de wachttijden van beantwoorde oproepen, gedeeld door hun aantal (ASA), over alle "
    "telefoonwachtrijen binnen de openingsuren.",
    call_chart="Gemiddelde wachttijd van beantwoorde oproepen per maand",
    speed_caption="Beantwoorde oproepen naar wachttijd: aandeel en aantal, {period}",
    speed_about="Elke categorie begint boven haar ondergrens en eindigt met haar bovengrens: wie precies "
    "{bound} s wachtte, telt bij 0–{bound} s.",
    speed_chart="Aandeel van de beantwoorde oproepen per snelheidscategorie",
    category="{low}–{high} s",
    category_above="meer dan {low} s",
    years_caption="Aandeel gemiste oproepen per jaar",
    years_about="Gemiste oproepen gedeeld door beantwoorde en gemiste oproepen samen, binnen de "
    "openingsuren.",
    years_chart="Aandeel gemiste oproepen per jaar, gerapporteerd en geteld",
    missed_months_caption="Ter vergelijking: aandeel gemiste oproepen per maand, {period}",
    not_for_month="Het doel geldt per jaar; een maand wordt er niet op beoordeeld.",
    lead_caption="Gemiddeld aantal werkdagen tussen het maken van een afspraak en de afspraak, {period}",
    lead_about="Werkdagen na de dag van de boeking, tot en met de dag van de afspraak; feestdagen en "
    "sluitingsdagen tellen niet. Deze indicator voegt Wachtpost toe.",
    lead_chart="Gemiddelde doorlooptijd tot een afspraak per maand",
    chart_below="Dezelfde cijfers staan in de tabel hieronder.",
    break_note="Breuk {mark} in de reeks, vanaf {period} ({what}): {text}",
    break_kinds={
        "definition": "andere definitie",
        "software": "andere software",
        "organisation": "andere organisatie",
    },
    what_counts="Definitie {definition}: gemist is {outcomes}.",
    short_abandon="Wie binnen {seconds} s ophangt, telt aan geen van beide kanten.",
    source="Bron",
    own_source="Wachtpost, eigen telling binnen de openingsuren, {site}, {first} tot en met {last}",
    reported_source="gerapporteerde cijfers: {source}",
    gaps_of="Ontbrekende gegevens in {period}: {list}.",
    gaps_none_of="Ontbrekende gegevens in {period}: geen.",
    missed_caption="Aandeel gemiste oproepen onder elke definitie, {period}",
    levels_caption="Op tijd beantwoord onder elke definitie, {period}",
    definitions_about="Elke definitie rekent met dezelfde oproepen. Alleen de eerste, die van doel en "
    "borden, telt voor de cijfers hierboven.",
    counts="Telt als gemist",
    missed="Gemist",
    contacts="Beantwoord en gemist",
    divided_by="Gedeeld door",
    on_time="Op tijd",
    explained="Verschil",
    active="van doel en borden",
    active_is="Dit is de definitie van doel en borden.",
    other_missed="Tegenover {active}: {changes}; {points}.",
    change="{outcome} {count}",
    same="In deze periode geeft dit hetzelfde als {active}.",
    points_more="{} procentpunt hoger",
    points_less="{} procentpunt lager",
    points_same="het aandeel verschilt minder dan 0,01 procentpunt",
    short_left_out="{count} oproepen die binnen {seconds} s ophingen, tellen aan geen van beide kanten.",
    not_counted="Telt niet als gemist: {outcomes}.",
    level="binnen {seconds} s",
    of_all="beantwoord en gemist ({count})",
    of_answered="beantwoord ({count})",
    other_level="Tegenover {active}: {within} op tijd, {contacts} om door te delen; {points}.",
    more="{} oproepen meer",
    fewer="{} oproepen minder",
    as_many="evenveel oproepen",
    no_calls="Er waren geen oproepen.",
    budget_about="Het doel laat een deel van de oproepen toe dat gemist wordt. Wat daarvan over is, en "
    "waar de periode naar verwachting eindigt:",
    budget_caption="Gemiste oproepen en het doel van {limit}, definitie {definition}, stand {until}",
    so_far="Gemist tot nu toe",
    left="Van de eerstvolgende oproepen nog te missen",
    open_left="Nog open",
    open_hours="{hours} uur op {days} dagen",
    expected="Oproepen die nog verwacht worden",
    affordable="Daarvan te missen binnen het doel",
    will_miss="Daarvan naar verwachting gemist",
    projected="Verwachte eindwaarde",
    interval="95 %-interval",
    from_to="{low} tot {high}",
    budget_open="{period}: van de {expected} oproepen die nog verwacht worden, mogen er {affordable} "
    "gemist worden om binnen {limit} te blijven. Naar verwachting worden het er {will_miss}, en eindigt de "
    "periode op {projected} (95 %-interval: {low} tot {high}).",
    budget_no_projection="{period}: nu zijn er {missed} van {contacts} oproepen gemist. Voor een "
    "verwachting zijn er te weinig dagen met oproepen (minstens vijf).",
    budget_over_met="{period} is afgelopen: {missed} van {contacts} oproepen zijn gemist, {value}. Binnen "
    "{limit} was er ruimte voor nog {room} gemiste oproepen.",
    budget_over_lost="{period} is afgelopen: {missed} van {contacts} oproepen zijn gemist, {value}. Dat "
    "zijn er {over} te veel voor {limit}.",
    warning="Waarschuwing: {}",
    budget_lost="In {period} kan {limit} niet meer gehaald worden. Zelfs als alle "
    "{expected} verwachte oproepen beantwoord worden, zijn er {over} te veel gemist.",
    budget_expect_lost="Zoals het nu gaat, eindigt {period} boven {limit}.",
    budget_other_period="Het doel geldt per jaar; de maand staat er ter vergelijking.",
    no_projection="geen, te weinig dagen",
    nothing_more="de periode is om",
    too_many="{} te veel",
    method="Zo is dat berekend: het aantal oproepen per open minuut van de laatste 20 dagen met oproepen "
    "(hier {rate}), maal de open minuten die nog komen volgens de kalender. Daarvan wordt hetzelfde deel "
    "gemist verondersteld als tot nu toe. Het interval volgt uit hoe sterk de dagen van de periode (hier "
    "{used}) onderling verschillen, met Students verdeling; een staking of een storing voorziet het niet. "
    "Methode: {id}.",
    no_budget="Er is geen doel voor gemiste oproepen.",
    gap="{queue}: {days} zonder één contact, {first} tot en met {last} ({hours} uur open); {expected}.",
    gap_day="{queue}: één open dag zonder één contact, {first} ({hours} uur open); {expected}.",
    gap_many_days="{queue}: {days} zonder één contact, telkens één dag ({hours} uur open); {expected}.",
    gap_many="{queue}: {times} keer, samen {days} zonder één contact ({hours} uur open); de langste van "
    "{first} tot en met {last}; {expected}.",
    expected_some="naar de andere dagen te rekenen ontbreken er ongeveer {count} contacten",
    expected_less="naar de andere dagen te rekenen was er minder dan één contact te verwachten",
    expected_unknown="hoeveel er te verwachten waren, is niet te zeggen",
    no_gaps="Geen: in elke wachtrij is er op elke open dag minstens één contact geteld.",
    before_first="Wachtpost telt sinds {first}; wat daarvoor gebeurde, ontbreekt in alle cijfers die niet "
    "gerapporteerd zijn.",
    gap_days={True: "{} open dag", False: "{} open dagen"},
    bad_period="{name} is geen periode; schrijf 2026, 2026-10, 2026-H1 of 2026-Q3.",
    not_begun="{period} is nog niet begonnen.",
    before_first_day="{period} ligt voor de eerste dag die Wachtpost telde, {first}. Gerapporteerde jaren "
    "van vroeger staan in het rapport van elke latere periode.",
    nothing_counted="Er is nog geen enkele dag geteld; `wachtpost history import` leest oude bestanden in.",
    comment_long="--comment: {length} tekens, hoogstens {most}.",
    no_site="Het stadsbestand heeft geen site {name}; wel: {known}.",
    no_pdf="PDF vraagt een extra: pip install 'wachtpost[pdf]'",
    pdf_library="PDF vraagt Pango op deze machine (Debian, Ubuntu: apt install libpango-1.0-0 "
    "libpangoft2-1.0-0 libharfbuzz-subset0): {why}",
    terminal="Een PDF hoort niet in een terminal; geef een bestand met --output.",
    written="{period}: {file}",
    other_sheet="Let op: {file} is een blad van {sheet}, en dit zijn de cijfers van {period}.",
    unknown_suffix="Aan {file} is niet te zien welke vorm het wordt; geef --format.",
)

EN: Final = Words(
    language="en",
    short_months=("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    title="Policy indicators {city}, {period}",
    made="Made on {day} at {time}.",
    counted_until="Figures of {first} up to and including {last}.",
    running_until="The period is still running: figures up to and including {last}.",
    since="Wachtpost has counted since {first}; the days before are not counted.",
    comment="Comment",
    page="Page",
    summary="The targets at a glance",
    visit_waits="Visitor wait per activity cluster at the town hall (monthly)",
    call_waits="Mean wait of answered calls to the customer contact centre (monthly)",
    speeds="Percentage of answered calls to the customer contact centre by speed category (monthly)",
    missed_years="Percentage of missed calls to the customer contact centre at the town hall (yearly)",
    lead_times="Mean lead time to an appointment (monthly)",
    definitions="The same calls under other definitions",
    budget="Room up to the target: how many calls may still be missed?",
    gaps="Missing data",
    visits_unknown="number not stated",
    legend_reported="reported, from before Wachtpost",
    calls_count="{} calls",
    unknown_definition="not stated",
    answered_within="Answered in time",
    summary_caption="Each target, the latest value and the verdict",
    summary_missed="Missed calls",
    summary_call_wait="Wait on the phone",
    summary_lead="Lead time to an appointment",
    summary_visit="Wait, {name}",
    indicator="Indicator",
    month="Month",
    year="Year",
    target="Target",
    verdict="Verdict",
    latest="Latest value",
    share_missed="Share missed",
    mean_wait="Mean wait",
    mean_lead="Mean lead time",
    calls="Calls",
    answered="Answered calls",
    visits="{} visitors",
    booked="Appointments made",
    definition="Definition",
    origin="Origin",
    counted="counted",
    reported="reported",
    met="met",
    not_met="not met",
    met_so_far="met so far",
    not_met_so_far="not met so far",
    met_months="met in {met} of {all} months",
    no_target="no target",
    not_judged="not judged",
    no_figures="no data",
    unknown_samples="not stated",
    running="up to and including {last}",
    partly_from="counted from {first}",
    at_most="≤ {}",
    at_least="≥ {}",
    days_unit="{} working days",
    day_unit="{} working day",
    visit_caption="Mean wait at the counter of visitors with an appointment, {period}",
    visit_about="Minutes and seconds (m:ss) from the booked time, or from arrival if that is later, to "
    "the call at the counter. Visitors without an appointment and those called before their time are left "
    "out.",
    visit_month_chart="Mean wait per activity cluster, {period}",
    target_bars_note="Upright line: the target. Hatched: not met.",
    own_scale="Each chart has its own scale. Dashed line: the target. Hatched: over the target.",
    call_caption="Mean wait of answered calls, {period}",
    call_about="Sum of the waits of answered calls divided by their number (ASA), over all phone queues "
    "within opening hours.",
    call_chart="Mean wait of answered calls per month",
    speed_caption="Answered calls by wait: share and number, {period}",
    speed_about="Each category begins above its lower bound and ends with its upper one: a wait of "
    "exactly {bound} s is in 0–{bound} s.",
    speed_chart="Share of answered calls per speed category",
    category="{low}–{high} s",
    category_above="more than {low} s",
    years_caption="Share of missed calls per year",
    years_about="Missed calls divided by answered and missed calls together, within opening hours.",
    years_chart="Share of missed calls per year, reported and counted",
    missed_months_caption="To compare: share of missed calls per month, {period}",
    not_for_month="The target is for a year; a month is not judged by it.",
    lead_caption="Mean number of working days between making an appointment and having it, {period}",
    lead_about="Working days after the day of booking, up to and including the day of the appointment; "
    "holidays and closing days do not count. This indicator is Wachtpost's addition.",
    lead_chart="Mean lead time to an appointment per month",
    chart_below="The same figures stand in the table below.",
    break_note="Break {mark} in the series, from {period} on ({what}): {text}",
    break_kinds={
        "definition": "another definition",
        "software": "other software",
        "organisation": "another organisation",
    },
    what_counts="Definition {definition}: missed is {outcomes}.",
    short_abandon="Those who hang up within {seconds} s count on neither side.",
    source="Source",
    own_source="Wachtpost, own count within opening hours, {site}, {first} up to and including {last}",
    reported_source="reported figures: {source}",
    gaps_of="Missing data in {period}: {list}.",
    gaps_none_of="Missing data in {period}: none.",
    missed_caption="Share of missed calls under each definition, {period}",
    levels_caption="Answered in time under each definition, {period}",
    definitions_about="Each definition works with the same calls. Only the first, that of target and "
    "boards, makes the figures above.",
    counts="Counts as missed",
    missed="Missed",
    contacts="Answered and missed",
    divided_by="Divided by",
    on_time="In time",
    explained="Difference",
    active="of target and boards",
    active_is="This is the definition of target and boards.",
    other_missed="Compared with {active}: {changes}; {points}.",
    change="{outcome} {count}",
    same="In this period this gives the same as {active}.",
    points_more="{} percentage points higher",
    points_less="{} percentage points lower",
    points_same="the share differs by less than 0.01 percentage points",
    short_left_out="{count} calls that hung up within {seconds} s count on neither side.",
    not_counted="Does not count as missed: {outcomes}.",
    level="within {seconds} s",
    of_all="answered and missed ({count})",
    of_answered="answered ({count})",
    other_level="Compared with {active}: {within} in time, {contacts} to divide by; {points}.",
    more="{} more calls",
    fewer="{} fewer calls",
    as_many="as many calls",
    no_calls="There were no calls.",
    budget_about="The target allows a share of the calls to be missed. What is left of that, and where "
    "the period is expected to end:",
    budget_caption="Missed calls and the target of {limit}, definition {definition}, as of {until}",
    so_far="Missed so far",
    left="Of the very next calls, may still be missed",
    open_left="Still open",
    open_hours="{hours} hours on {days} days",
    expected="Calls still expected",
    affordable="Of these, may be missed within the target",
    will_miss="Of these, expected to be missed",
    projected="Expected end value",
    interval="95% interval",
    from_to="{low} to {high}",
    budget_open="{period}: of the {expected} calls still expected, {affordable} may be missed to stay "
    "within {limit}. It will probably be {will_miss}, and the period ends at {projected} (95% interval: "
    "{low} to {high}).",
    budget_no_projection="{period}: {missed} of {contacts} calls have been missed. There are too few days "
    "with calls (at least five) to expect anything.",
    budget_over_met="{period} is over: {missed} of {contacts} calls were missed, {value}. Within {limit} "
    "there was room for another {room} missed calls.",
    budget_over_lost="{period} is over: {missed} of {contacts} calls were missed, {value}. That is {over} "
    "too many for {limit}.",
    warning="Warning: {}",
    budget_lost="In {period}, {limit} can no longer be met. Even if all {expected} expected "
    "calls are answered, {over} too many have been missed.",
    budget_expect_lost="The way it goes now, {period} ends above {limit}.",
    budget_other_period="The target is for a year; the month stands here to compare.",
    no_projection="none, too few days",
    nothing_more="the period is over",
    too_many="{} too many",
    method="How this is worked out: calls per open minute of the last 20 days with calls (here {rate}), "
    "times the open minutes still to come in the calendar. Of these, the same share is taken to be missed "
    "as so far. The interval comes from how much the days of the period (here {used}) differ from one "
    "another, with Student's distribution; it does not foresee a strike or a failure. Method: {id}.",
    no_budget="There is no target for missed calls.",
    gap="{queue}: {days} without a single contact, {first} up to and including {last} ({hours} hours "
    "open); {expected}.",
    gap_day="{queue}: one open day without a single contact, {first} ({hours} hours open); {expected}.",
    gap_many_days="{queue}: {days} without a single contact, one day each time ({hours} hours open); "
    "{expected}.",
    gap_many="{queue}: {times} times, {days} together without a single contact ({hours} hours open); the "
    "longest from {first} up to and including {last}; {expected}.",
    expected_some="judging by the other days, about {count} contacts are missing",
    expected_less="judging by the other days, less than one contact was to be expected",
    expected_unknown="how many were to be expected cannot be said",
    no_gaps="None: in every queue at least one contact was counted on every open day.",
    before_first="Wachtpost has counted since {first}; what happened before is missing from all figures "
    "that are not reported ones.",
    gap_days={True: "{} open day", False: "{} open days"},
    bad_period="{name} is not a period; write 2026, 2026-10, 2026-H1 or 2026-Q3.",
    not_begun="{period} has not begun yet.",
    before_first_day="{period} lies before the first day that Wachtpost counted, {first}. Reported years "
    "of before are in the report of every later period.",
    nothing_counted="Not a single day has been counted yet; `wachtpost history import` reads old files.",
    comment_long="--comment: {length} characters, at most {most}.",
    no_site="The city file has no site {name}; it has: {known}.",
    no_pdf="PDF needs an extra: pip install 'wachtpost[pdf]'",
    pdf_library="PDF needs Pango on this machine (Debian, Ubuntu: apt install libpango-1.0-0 "
    "libpangoft2-1.0-0 libharfbuzz-subset0): {why}",
    terminal="A PDF does not belong in a terminal; give a file with --output.",
    written="{period}: {file}",
    other_sheet="Mind: {file} is a sheet of {sheet}, and these are the figures of {period}.",
    unknown_suffix="{file} does not tell what form it is to have; give --format.",
)

WORDS: Final = {"nl": NL, "en": EN}
