"""Writes ``schema/*.json`` anew from Grafana's own types: ``python -m tests.deploy.grafana.derive``.

Works in a folder that is gone afterwards; needs npm. No test runs it. See ``schema/README.md``.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeAlias

JsonSchema: TypeAlias = dict[str, "Json"]
Json: TypeAlias = JsonSchema | list["Json"] | str | int | float | bool | None

GRAFANA: Final = "12.3.0"
PACKAGES: Final = (
    f"@grafana/schema@{GRAFANA}",
    f"@grafana/data@{GRAFANA}",
    "react@18.3.1",  # which @grafana/data imports
    "react-dom@18.3.1",
    "ts-json-schema-generator@2.4.0",
    "typescript@5.9.2",
    "esbuild@0.25.8",
)
SCHEMAS: Final = Path(__file__).with_name("schema")

PANELS: Final = {
    "annolist": ("annotationslist/panelcfg/x/AnnotationsListPanelCfg", False),
    "barchart": ("barchart/panelcfg/x/BarChartPanelCfg", True),
    "bargauge": ("bargauge/panelcfg/x/BarGaugePanelCfg", False),
    "dashlist": ("dashboardlist/panelcfg/x/DashboardListPanelCfg", False),
    "gauge": ("gauge/panelcfg/x/GaugePanelCfg", False),
    "heatmap": ("heatmap/panelcfg/x/HeatmapPanelCfg", True),
    "histogram": ("histogram/panelcfg/x/HistogramPanelCfg", True),
    "piechart": ("piechart/panelcfg/x/PieChartPanelCfg", True),
    "stat": ("stat/panelcfg/x/StatPanelCfg", False),
    "state-timeline": ("statetimeline/panelcfg/x/StateTimelinePanelCfg", True),
    "status-history": ("statushistory/panelcfg/x/StatusHistoryPanelCfg", True),
    "table": ("table/panelcfg/x/TablePanelCfg", True),
    "text": ("text/panelcfg/x/TextPanelCfg", False),
    "timeseries": ("timeseries/panelcfg/x/TimeSeriesPanelCfg", True),
}
"""Panel type → where its types are, and whether its fields have settings of their own."""

TSCONFIG: Final = {
    "compilerOptions": {
        "module": "esnext",
        "moduleResolution": "bundler",
        "skipLibCheck": True,
        "strict": True,
        "target": "es2022",
    },
    "files": ["entry.ts"],
}

NAMES: Final = """
import { DataTransformerID } from '@/transformations/transformers/ids.mjs';
import { FieldMatcherID } from '@/transformations/matchers/ids.mjs';
import { ReducerID } from '@/transformations/fieldReducer.mjs';
import { getCategories } from '@/valueFormats/categories.mjs';
console.log('\\n' + JSON.stringify({
  matchers: Object.values(FieldMatcherID).sort(),
  reducers: Object.values(ReducerID).sort(),
  transformations: Object.values(DataTransformerID).sort(),
  units: getCategories().flatMap((category) => category.formats.map((format) => format.id)).sort(),
}));
"""

DATA_LINK: Final[Json] = {
    "additionalProperties": False,
    "properties": {
        "oneClick": {"type": "boolean"},
        "targetBlank": {"type": "boolean"},
        "title": {"minLength": 1, "type": "string"},
        "url": {"minLength": 1, "type": "string"},
    },
    "required": ["title", "url"],
    "type": "object",
}
TEXT: Final[Json] = {"type": "string"}
OF_PROMETHEUS: Final[dict[str, Json]] = {
    "expr": TEXT,
    "step": TEXT,
    "tagKeys": TEXT,
    "target": {},  # checked as a query
    "textFormat": TEXT,
    "titleFormat": TEXT,
    "useValueForTime": {"type": "boolean"},
}


def main() -> None:
    """Fetch the packages, derive every schema, write them all."""
    with tempfile.TemporaryDirectory(prefix="wachtpost-schema-") as scratch:
        folder = Path(scratch)
        _fetch(folder)
        _write("dashboard", amended_dashboard(_derive(folder, "Board")))
        for panel, (_, has_fields) in PANELS.items():
            derived: JsonSchema = {"options": _derive(folder, f"{_identifier(panel)}Options")}
            if has_fields:
                derived["custom"] = _derive(folder, f"{_identifier(panel)}Custom")
            _write(f"panel-{panel}", derived)
        _write("names", _names(folder))


def amended_dashboard(schema: JsonSchema) -> JsonSchema:
    """Mend what the types of a dashboard get wrong, or leave to data sources (see the README)."""
    properties = {name: _properties(schema, name) for name in _BY_TYPE}
    properties["Panel"]["links"] = {"items": DATA_LINK, "type": "array"}
    properties["FieldConfig"]["links"] = {"items": DATA_LINK, "type": "array"}
    properties["AnnotationQuery"].update(OF_PROMETHEUS)
    properties["VariableModel"]["definition"] = TEXT
    properties["VariableModel"]["current"] = {"anyOf": [_ref("VariableOption"), EMPTY]}
    # Checked one by one, so that a failure names the panel.
    properties["Board"]["panels"] = {"type": "array"}
    properties["RowPanel"]["panels"] = {"type": "array"}
    return schema


EMPTY: Final[Json] = {"additionalProperties": False, "type": "object"}


def _ref(name: str) -> Json:
    return {"$ref": f"#/definitions/{name}"}


_BY_TYPE: Final = ("Board", "Panel", "RowPanel", "FieldConfig", "AnnotationQuery", "VariableModel")


def _properties(schema: JsonSchema, name: str) -> JsonSchema:
    definitions = schema["definitions"]
    assert isinstance(definitions, dict)
    definition = definitions[name]
    assert isinstance(definition, dict)
    properties = definition["properties"]
    assert isinstance(properties, dict)
    return properties


def _fetch(folder: Path) -> None:
    (folder / "package.json").write_text('{"private": true}')
    _run(
        folder,
        "npm",
        "install",
        "--ignore-scripts",
        "--legacy-peer-deps",
        "--no-audit",
        "--no-fund",
        *PACKAGES,
    )
    (folder / "tsconfig.json").write_text(json.dumps(TSCONFIG))
    (folder / "entry.ts").write_text("\n".join(_entry()))
    (folder / "names.mjs").write_text(NAMES.replace("@/", "./node_modules/@grafana/data/dist/esm/"))


def _entry() -> list[str]:
    types = "./node_modules/@grafana/schema/dist/types/raw"
    lines = [
        f"import * as raw from '{types}/dashboard/x/dashboard_types.gen';",
        # Named here, so that all of them get a definition: the dashboard's panels are checked apart.
        "export interface Board extends raw.Dashboard { }",
    ]
    for panel, (place, has_fields) in PANELS.items():
        name = _identifier(panel)
        lines += [
            f"import * as {name} from '{types}/composable/{place}_types.gen';",
            f"export interface {name}Options extends {name}.Options {{ }}",
        ]
        if has_fields:
            lines.append(f"export interface {name}Custom extends {name}.FieldConfig {{ }}")
    return lines


def _derive(folder: Path, name: str) -> JsonSchema:
    options = ("--path", "entry.ts", "--tsconfig", "tsconfig.json", "--no-type-check", "--type", name)
    derived = json.loads(_run(folder, "npx", "ts-json-schema-generator", *options))
    assert isinstance(derived, dict)
    return _tidy(derived, keep_required=name == "Board")


def _tidy(schema: JsonSchema, *, keep_required: bool) -> JsonSchema:
    """Leave descriptions out, and what is required where Grafana fills it in."""
    tidied: JsonSchema = {}
    for key, value in schema.items():
        if key == "description" and isinstance(value, str):
            continue
        if key == "required" and isinstance(value, list) and not keep_required:
            if "type" in value:
                tidied[key] = ["type"]
            continue
        tidied[key] = _tidy_value(value, keep_required=keep_required)
    return tidied


def _tidy_value(value: Json, *, keep_required: bool) -> Json:
    match value:
        case dict():
            return _tidy(value, keep_required=keep_required)
        case list():
            return [_tidy_value(one, keep_required=keep_required) for one in value]
    return value


def _names(folder: Path) -> JsonSchema:
    # Some formats ask for the browser's language.
    banner = "globalThis.navigator ??= { language: 'en-US', languages: ['en-US'] };"
    bundle = (
        "--bundle",
        "--platform=node",
        "--format=esm",
        "--outfile=names.out.mjs",
        f"--banner:js={banner}",
    )
    _run(folder, "npx", "esbuild", "names.mjs", "--log-level=error", *bundle)
    names = json.loads(_run(folder, "node", "names.out.mjs").splitlines()[-1])
    assert isinstance(names, dict)
    return names


def _identifier(panel: str) -> str:
    return panel.replace("-", "")


def _run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def _write(name: str, schema: Mapping[str, Json]) -> None:
    text = json.dumps(schema, indent=1, sort_keys=True, ensure_ascii=False)
    (SCHEMAS / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
