// What a person reads in panels, as Grafana's own packages make it of a panel and of Prometheus' answers.
//
// In, on standard input: {"panels": [{"panel": …, "answers": {"A": …}, "timeZone": "Europe/Brussels"}]}, an
// answer as the API has it under "data". Out, on standard output: per panel its parts in their order, the texts
// on its axis, its lines, and the settings that Grafana does not know and drops; and Grafana's own colours.
// Likewise {"annotated": [{"panel": …, "events": […]}]}: the annotations that a panel keeps.
//
// Transformations, overrides, values in words and their colours are @grafana/data's. The Prometheus data source
// and the panels themselves are no packages (or not free): the few facts about them that matter stand here.
"use strict";

const { readFileSync } = require("node:fs");
const grafana = require("@grafana/data");
const { lastValueFrom, map } = require("rxjs");
const { FieldType } = grafana;

const THEME = grafana.createTheme({ colors: { mode: "dark" } });

// --- Prometheus' answers as frames: what its data source does ----------------------------------------------

const number = (text) => (/^[+-]?Inf$/.test(text) ? (text[0] === "-" ? -Infinity : Infinity) : Number(text));

/** One frame per series. An answer without series still is a frame, without fields. */
function framesOf(refId, data, target) {
  const series = data.resultType === "scalar" ? [{ metric: {}, value: data.result }] : data.result;
  if (series.length === 0) return [{ refId, fields: [], length: 0 }];
  return series.map(({ metric, value, values = [value] }) => {
    const name = legend(target, metric);
    const config = name ? { displayNameFromDS: name } : {};
    const times = { name: "Time", type: FieldType.time, config: {}, values: values.map(([at]) => at * 1000) };
    const worth = { name: metric.__name__ ?? "Value", type: FieldType.number, labels: metric, config };
    const fields = [times, { ...worth, values: values.map(([, text]) => number(text)) }];
    return { refId, fields, length: values.length };
  });
}

function legend({ legendFormat, expr }, metric) {
  if (legendFormat === "__auto") return Object.keys(metric).length ? "" : expr;
  return legendFormat.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label) => metric[label] ?? "");
}

/** All series of a query as one table; the value's column says of which query, once there are several. One query
 *  without series has no columns. */
function tabled(refId, frames, several) {
  if (!several && frames.every((frame) => frame.fields.length === 0)) return frames[0];
  const rows = frames.filter((frame) => frame.fields.length).map(({ fields: [times, worth] }) => ({ times, worth }));
  const labels = [...new Set(rows.flatMap(({ worth }) => Object.keys(worth.labels).sort()))];
  const column = (name, type, values) => ({ name, type, config: {}, values });
  const each = (told) => rows.flatMap((row) => row.worth.values.map((_, at) => told(row, at)));
  const fields = [
    column("Time", FieldType.time, each(({ times }, at) => times.values[at])),
    ...labels.map((label) => column(label, FieldType.string, each(({ worth }) => worth.labels[label] ?? ""))),
    column(several ? `Value #${refId}` : "Value", FieldType.number, each(({ worth }, at) => worth.values[at])),
  ];
  return { refId, fields, length: fields[0].values.length };
}

/** The ranges of a histogram as one frame, lowest first, each without what the ones below it hold. */
function ranged(refId, frames) {
  const edge = ({ fields: [, worth] }) => number(worth.labels.le);
  const sorted = frames.filter((frame) => frame.fields.length).sort((one, other) => edge(one) - edge(other));
  if (sorted.length === 0) return { refId, fields: [], length: 0 };
  const fields = sorted.map(({ fields: [, worth] }, at) => {
    const below = sorted[at - 1]?.fields[1].values ?? [];
    const values = worth.values.map((value, row) => Math.max(value - (below[row] ?? 0), 0));
    return { ...worth, name: worth.labels.le, config: { displayNameFromDS: worth.labels.le }, values };
  });
  return { refId, fields: [sorted[0].fields[0], ...fields], length: sorted[0].length };
}

function answered(panel, answers) {
  const byFormat = { time_series: [], table: [], heatmap: [] };
  for (const target of panel.targets) {
    byFormat[target.format].push([target.refId, framesOf(target.refId, answers[target.refId], target)]);
  }
  const { time_series: series, table, heatmap } = byFormat;
  return [
    ...series.flatMap(([, frames]) => frames),
    ...table.map(([refId, frames]) => tabled(refId, frames, table.length > 1)),
    ...heatmap.map(([refId, frames]) => ranged(refId, frames)),
  ];
}

// --- The settings of a field that each panel knows, beside those of all --------------------------------------

const AXIS = [
  "axisBorderShow", "axisCenteredZero", "axisColorMode", "axisGridShow", "axisLabel", "axisPlacement",
  "axisSoftMax", "axisSoftMin", "axisWidth", "scaleDistribution",
];
const CUSTOM = {
  barchart: [...AXIS, "fillOpacity", "gradientMode", "hideFrom", "lineWidth", "thresholdsStyle"],
  bargauge: [],
  heatmap: ["hideFrom", "scaleDistribution"],
  stat: [],
  "state-timeline": [
    "axisPlacement", "axisWidth", "fillOpacity", "hideFrom", "insertNulls", "lineWidth", "spanNulls",
  ],
  table: [
    "align", "cellOptions", "filterable", "footer.reducers", "hideFrom.viz", "inspect", "minWidth", "width",
    "wrapHeaderText", "wrapText",
  ],
  timeseries: [
    ...AXIS, "barAlignment", "barWidthFactor", "drawStyle", "fillBelowTo", "fillOpacity", "gradientMode", "hideFrom",
    "insertNulls", "lineInterpolation", "lineStyle", "lineWidth", "pointSize", "showPoints", "spanNulls",
    "stacking", "thresholdsStyle", "transform",
  ],
};
/** The colours and thresholds that panels come with: green, and red from 80. */
const OWN_COLOURS = {
  barchart: "palette-classic", "state-timeline": "continuous-GrYlRd", timeseries: "palette-classic",
};
const OWN_STEPS = [{ value: -Infinity, color: "green" }, { value: 80, color: "red" }];

const always = () => true;
const ofNumbers = (field) => field.type === FieldType.number;
const STANDARD = {
  unit: [grafana.unitOverrideProcessor, always],
  min: [grafana.numberOverrideProcessor, ofNumbers],
  max: [grafana.numberOverrideProcessor, ofNumbers],
  fieldMinMax: [grafana.booleanOverrideProcessor, ofNumbers],
  decimals: [grafana.numberOverrideProcessor, ofNumbers],
  displayName: [grafana.displayNameOverrideProcessor, always, undefined, { expandTemplateVars: true }],
  color: [grafana.identityOverrideProcessor, always],
  noValue: [grafana.stringOverrideProcessor, always],
  links: [grafana.dataLinksOverrideProcessor, always],
  actions: [grafana.identityOverrideProcessor, always],
  mappings: [grafana.valueMappingsOverrideProcessor, (field) => field.type !== FieldType.time, []],
  thresholds: [grafana.thresholdsOverrideProcessor, always, { mode: "absolute", steps: OWN_STEPS }],
};
grafana.standardFieldConfigEditorRegistry.setInit(() =>
  Object.entries(STANDARD).map(([id, [process, shouldApply, defaultValue, settings = {}]]) => ({
    id, path: id, name: id, process, shouldApply, defaultValue, settings,
  })),
);

/** Settings of fields out of what a query brings; a transformation that is Grafana's and in no package. */
const configFromData = {
  id: "configFromData",
  operator: ({ configRefId, mappings }) =>
    map((frames) => {
      const source = frames.find(({ refId }) => refId === configRefId);
      if (!source) return frames;
      const steps = mappings.flatMap(({ fieldName, handlerKey, handlerArguments }) => {
        if (handlerKey !== "threshold1") throw new Error(`nobody reads ${handlerKey} here yet`);
        const found = source.fields.find((field) => nameOf(field, source) === fieldName);
        const value = found?.values.filter((one) => one !== null).at(-1);
        return value === undefined ? [] : [{ value, color: handlerArguments.threshold.color }];
      });
      const set = steps.length ? { thresholds: { mode: "absolute", steps } } : {};
      const configured = (field) => (ofNumbers(field) ? { ...field, config: { ...field.config, ...set } } : field);
      return frames
        .filter((frame) => frame !== source || frames.length === 1)
        .map(({ fields, length }) => ({ fields: fields.map(configured), length }));
    }),
};
const transformations = [...Object.values(grafana.standardTransformers), configFromData];
grafana.standardTransformersRegistry.setInit(() =>
  [...new Set(transformations.map(({ id }) => id))].map((id) => ({
    id, name: id, transformation: transformations.find((one) => one.id === id),
  })),
);

const plugins = Object.fromEntries(
  Object.entries(CUSTOM).map(([type, known]) => {
    const mode = OWN_COLOURS[type];
    const plugin = new grafana.PanelPlugin(null).useFieldConfig({
      standardOptions: mode ? { color: { defaultValue: { mode } } } : {},
      useCustomConfig: (builder) => {
        for (const path of known) {
          const process = grafana.identityOverrideProcessor;
          builder.addCustomEditor({ id: path, path, name: path, process, shouldApply: always });
        }
      },
    });
    return [type, plugin];
  }),
);

/** What a panel sets that Grafana would not know: it says nothing, and drops it. */
function dropped({ type, fieldConfig = { defaults: {}, overrides: [] } }) {
  const known = plugins[type].fieldConfigRegistry;
  const inDefaults = (value, path) => {
    if (known.getIfExists(path)) return [];
    const inner = value !== null && typeof value === "object" && !Array.isArray(value) ? Object.entries(value) : [];
    return inner.length ? inner.flatMap(([key, one]) => inDefaults(one, `${path}.${key}`)) : [path];
  };
  const overridden = fieldConfig.overrides.flatMap(({ properties }) => properties.map(({ id }) => id));
  return [
    ...Object.entries(fieldConfig.defaults).flatMap(([key, value]) => inDefaults(value, key)),
    ...overridden.filter((id) => !known.getIfExists(id)),
  ];
}

// --- What each panel shows of its fields ---------------------------------------------------------------------

const text = (shown) => grafana.formattedValueToString(shown);
const hidden = (field, from) => Boolean(field.config.custom?.hideFrom?.[from]);
const plotted = (frames) =>
  frames.flatMap((frame) => frame.fields.filter(ofNumbers).map((field) => ({ frame, field })));
const seriesColour = (field) => THEME.visualization.getColorByName(grafana.getFieldSeriesColor(field, THEME).color);
const nameOf = (field, frame, frames) => grafana.getFieldDisplayName(field, frame, frames);

/** The one variable that a setting of a field may name: what it is called without that setting. */
const fieldsName = (setting, { __dataContext } = {}) =>
  setting.replace("${__field.displayName}", () => {
    const { field, frame, data } = __dataContext.value;
    return nameOf(field, frame, data);
  });

const DEFAULT_WIDTH = 150; // pixels, at least, of a column that is told none
const NAMELESS = ["value", "none"];

const read = {
  /** Tiles: a name, a text and its colour each. */
  stat: ({ options, fieldConfig }, frames, timeZone) =>
    grafana
      .getFieldDisplayValues({
        data: frames, fieldConfig, reduceOptions: options.reduceOptions, replaceVariables: (one) => one,
        theme: THEME, timeZone,
      })
      .map(({ display }) => ({
        name: NAMELESS.includes(options.textMode) ? "" : (display.title ?? ""),
        texts: options.textMode === "name" ? [] : [text(display)],
        colours: [display.color],
      })),

  /** Columns: a heading, and its cells. */
  table: (panel, frames) =>
    frames.slice(0, 1).flatMap((frame) =>
      frame.fields.filter((field) => !hidden(field, "viz")).map((field) => {
        const cells = field.values.map((value) => field.display(value));
        const coloured = field.config.custom?.cellOptions?.type?.startsWith("color");
        return {
          name: nameOf(field, frame, frames),
          texts: cells.map(text),
          colours: coloured ? cells.map(({ color }) => color) : [],
          width: field.config.custom?.width || field.config.custom?.minWidth || DEFAULT_WIDTH,
        };
      }),
    ),

  /** Lines: what the legend calls one, its values, and its colour. */
  timeseries: (panel, frames) =>
    plotted(frames)
      .filter(({ field }) => !hidden(field, "viz"))
      .map(({ field, frame }) => ({
        name: hidden(field, "legend") ? "" : nameOf(field, frame, frames),
        texts: [...new Set(field.values)].filter(Number.isFinite).map((value) => text(field.display(value))),
        colours: [seriesColour(field)],
      })),

  /** Rows: what stands before one, its states and their colours. */
  "state-timeline": (panel, frames) =>
    plotted(frames).map(({ field, frame }) => {
      const states = [...new Set(field.values)].map((value) => field.display(value));
      const colours = states.map(({ color }) => color);
      return { name: nameOf(field, frame, frames), texts: states.map(text), colours };
    }),

  /** Bars: what the legend calls a series, what stands on its bars, and its colour. */
  barchart: (panel, frames) =>
    plotted(frames).filter(({ field }) => !hidden(field, "viz")).map(({ field, frame }) => ({
      name: nameOf(field, frame, frames),
      texts: field.values.map((value) => (value === null ? "" : text(field.display(value)))),
      colours: [seriesColour(field)],
    })),

  /** Ranges, which stand on an axis of their own. */
  heatmap: (panel, frames) => plotted(frames).map(() => ({ name: "", texts: [], colours: [] })),
};
/** Bars: one that is alone has no name, unless the panel itself says how each is called. */
read.bargauge = (panel, frames, timeZone) => {
  const bars = read.stat(panel, frames, timeZone);
  return bars.length > 1 || panel.fieldConfig.defaults.displayName ? bars : bars.map((bar) => ({ ...bar, name: "" }));
};

/** What stands below upright bars, and what was to stand there: the word for it, or what the answer says. */
function axis({ type }, [frame]) {
  if (type !== "barchart" || !frame) return [];
  const field = frame.fields.find((one) => one.type === FieldType.string || one.type === FieldType.time);
  if (!field) return [];
  const asText = { ...field, config: { ...field.config, unit: "string" } };
  const word = grafana.getDisplayProcessor({ field: asText, theme: THEME });
  return field.values.map((value) => [text(field.display(value)), word(value).text]);
}

/** Lines at a value, right through a panel. */
function lines(frames) {
  const styled = ({ field }) => !["off", undefined].includes(field.config.custom?.thresholdsStyle?.mode);
  const each = plotted(frames).filter(styled).flatMap(({ field }) =>
    field.config.thresholds.steps
      .filter(({ value }) => Number.isFinite(value))
      .map(({ value, color }) => [text(field.display(value)), THEME.visualization.getColorByName(color)]),
  );
  return [...new Map(each).entries()];
}

async function asRead({ panel, answers, timeZone }) {
  const plugin = plugins[panel.type];
  const unknown = dropped(panel);
  const { fieldConfig } = grafana.getPanelOptionsWithDefaults({
    plugin, currentOptions: panel.options, currentFieldConfig: panel.fieldConfig, isAfterPluginChange: false,
  });
  const ofSeries = (panel.transformations ?? []).filter(({ topic = "series" }) => topic === "series");
  const frames = await lastValueFrom(
    grafana.transformDataFrame(ofSeries, answered(panel, answers), { interpolate: (one) => one }),
  );
  const shown = grafana.applyFieldOverrides({
    data: frames, fieldConfig, fieldConfigRegistry: plugin.fieldConfigRegistry, replaceVariables: fieldsName,
    theme: THEME, timeZone,
  });
  const names = shown.flatMap((frame) => frame.fields.map((field) => nameOf(field, frame, shown)));
  const bands = plotted(shown).map(({ field }) => field.config.custom?.fillBelowTo);
  unknown.push(...bands.filter((to) => to && !names.includes(to)).map((to) => `custom.fillBelowTo ${to}`));
  const parts = read[panel.type]({ ...panel, fieldConfig }, shown, timeZone);
  return { parts, axis: axis(panel, shown), lines: lines(shown), dropped: unknown };
}

/** Which of the annotations that a panel is handed it keeps, and what it keeps of them. */
async function kept({ panel, events }) {
  const ofAnnotations = (panel.transformations ?? []).filter(({ topic }) => topic === "annotations");
  // A layer without any annotation is a frame without fields.
  const handed = [grafana.arrayToDataFrame(events), grafana.arrayToDataFrame([])];
  const left = await lastValueFrom(grafana.transformDataFrame(ofAnnotations, handed));
  return left.flatMap(({ fields, length }) =>
    Array.from({ length }, (_, at) => Object.fromEntries(fields.map(({ name, values }) => [name, values[at]]))),
  );
}

async function main() {
  const { panels, annotated = [] } = JSON.parse(readFileSync(0, "utf8"));
  const read = [];
  for (const one of panels) read.push(await asRead(one));
  // Where its shades of blue end is a colour that we may choose.
  const own = ["green", "red", ...THEME.visualization.palette.filter((name) => name !== "dark-blue")];
  const colours = own.map((name) => THEME.visualization.getColorByName(name));
  process.stdout.write(JSON.stringify({ panels: read, own: colours, kept: await Promise.all(annotated.map(kept)) }));
}

main();
