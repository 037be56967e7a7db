// The dashboards are what Grafana expects: the TypeScript compiler compares each
// JSON file, each panel's options and field configuration and every override
// with the types that Grafana publishes as @grafana/schema.  No Grafana runs.
// WA_DASHBOARDS: the folder (../../dashboards).  Usage: node test_dashboards.mjs

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const folder = join(process.env.WA_DASHBOARDS ?? join(here, '../../dashboards'), 'grafana');

// our names of panel types, and where the package has their types
const KINDS = {
  barchart: 'BarChart',
  bargauge: 'BarGauge',
  'state-timeline': 'StateTimeline',
  stat: 'Stat',
  table: 'Table',
  timeseries: 'TimeSeries',
};
const WITHOUT_FIELDS = ['BarGauge', 'Stat'];
const PACKAGES = ['@grafana/schema', 'grafana-schema-12'];

// what a JSON file can hold: the value where the types have a member of an enum
const TYPES = schema => `
import type * as raw from '${schema}/dist/esm/raw/dashboard/x/Dashboard_types.gen';
${Object.values(KINDS).map(name => `import type * as ${name} from '${schema}/dist/esm/raw/composable/${name.toLowerCase()}/panelcfg/x/${name}PanelCfg_types.gen';`).join('\n')}

type Plain<T> = unknown extends T ? T
  : T extends string ? \`\${T}\`
  : T extends number ? (\`\${T}\` extends \`\${infer N extends number}\` ? N : never)
  : T extends object ? { [K in keyof T]: Plain<T[K]> }
  : T;
type Given<T> = Exclude<T, undefined>;

// what the package leaves open: a query for PostgreSQL, and a link of a field
type Target = { refId: string; format: 'table' | 'time_series'; editorMode: 'code'; rawQuery: true; rawSql: string };
type Field = Omit<Plain<raw.FieldConfig>, 'custom' | 'links'> & { links?: { title: string; url: string; targetBlank?: boolean }[] };
type Property<Custom> =
  | { [K in keyof Custom & string]-?: { id: \`custom.\${K}\`; value: Given<Custom[K]> } }[keyof Custom & string]
  | { [K in keyof Field & string]-?: { id: K; value: Given<Field[K]> } }[keyof Field & string];
type Panel<Type, Options, Custom> = Omit<Plain<raw.Panel>, 'type' | 'options' | 'fieldConfig' | 'targets'> & {
  type: Type;
  targets: Target[];
  options: Plain<Options>;
  fieldConfig: {
    defaults: Field & { custom?: Plain<Custom> };
    overrides: { matcher: Plain<raw.MatcherConfig>; properties: Property<Plain<Custom>>[] }[];
  };
};
export type Dashboard = Omit<Plain<raw.Dashboard>, 'panels' | 'annotations'> & {
  annotations: { list: (Omit<Plain<raw.AnnotationQuery>, 'target'> & { target: Target })[] };
  panels: never[];
};
export interface Panels {
${Object.entries(KINDS).map(([type, name]) => `  '${type}': Panel<'${type}', ${name}.Options, ${WITHOUT_FIELDS.includes(name) ? 'undefined' : `${name}.FieldConfig`}>;`).join('\n')}
}
`;

let steps = 0;
let failures = 0;

function check(good, step, diagnostics = []) {
  steps++;
  failures += good ? 0 : 1;
  console.log(`${good ? 'ok' : 'not ok'} ${steps} - ${step}`);
  for (const line of diagnostics) console.log(`#   ${line}`);
}

// A file of TypeScript that declares the dashboard, and which line is of which panel.
function declared(dashboard) {
  const lines = ["import type { Dashboard, Panels } from './types.js';"];
  const where = [];
  const declare = (what, type, value) => {
    where.push({ from: lines.length + 1, what });
    lines.push(...`export const p${where.length}: ${type} = ${JSON.stringify(value, null, 1)};`.split('\n'));
  };
  declare('the dashboard', 'Dashboard', { ...dashboard, panels: [] });
  for (const panel of dashboard.panels) declare(`panel "${panel.title}"`, `Panels['${panel.type}']`, panel);
  return { text: lines.join('\n') + '\n', where };
}

// { name: [what is wrong] } of { name: dashboard }, by the types of a package
function compare(schema, dashboards) {
  const work = mkdtempSync(join(here, 'node_modules/.dashboards-'));
  try {
    const where = {};
    const compilerOptions = { noEmit: true, strict: true, skipLibCheck: true, types: [], target: 'es2022', module: 'esnext', moduleResolution: 'bundler' };
    writeFileSync(join(work, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
    writeFileSync(join(work, 'types.ts'), TYPES(schema));
    for (const [name, dashboard] of Object.entries(dashboards)) {
      const file = declared(dashboard);
      where[name] = file.where;
      writeFileSync(join(work, `${name}.ts`), file.text);
    }
    let said = '';
    try {
      execFileSync(process.execPath, [join(here, 'node_modules/typescript/bin/tsc'), '--project', work, '--pretty', 'false'], { cwd: work, encoding: 'utf8' });
    } catch (error) {
      if (error.stdout === undefined) throw error;
      said = error.stdout + error.stderr;
    }
    const wrong = Object.fromEntries(Object.keys(dashboards).map(name => [name, []]));
    for (const line of said.split('\n').filter(l => l.trim() !== '' && !l.startsWith(' '))) {
      const [, name, at, message] = line.match(/^(\w+)\.ts\((\d+),\d+\): error (.*)$/) ?? [];
      // the compiler itself, or our types, are at fault
      if (!wrong[name]) throw new Error(line);
      wrong[name].push(`${where[name].findLast(w => w.from <= at).what}: ${message}`);
    }
    return wrong;
  } finally {
    rmSync(work, { recursive: true });
  }
}

const files = readdirSync(folder).filter(f => f.endsWith('.json')).sort();
const dashboards = Object.fromEntries(files.map(f => [f.replace('.json', ''), JSON.parse(readFileSync(join(folder, f), 'utf8'))]));
check(files.length === 7, `there are seven dashboards: ${files.join(' ')}`);

// the comparison itself must find what is wrong
const broken = {};
function breaks(name, how) {
  const copy = structuredClone(dashboards.growth);
  how(copy, copy.panels.find(p => p.type === 'timeseries'), copy.panels.find(p => p.type === 'table'));
  broken[name] = copy;
}
breaks('keyOfDashboard', d => { d.refreshes = '5m'; });
breaks('typeInDashboard', d => { d.refresh = 5; });
breaks('enumOfDashboard', d => { d.graphTooltip = 7; });
breaks('typeOfVariable', d => { d.templating.list[0].type = 'sql'; });
breaks('keyOfPanel', (d, p) => { p.colour = 'red'; });
breaks('typeInPanel', (d, p) => { p.gridPos.w = '12'; });
breaks('keyOfOptions', (d, p) => { p.options.legends = true; });
breaks('typeInOptions', (d, p) => { p.options.legend.showLegend = 'yes'; });
breaks('missingOption', (d, p) => { delete p.options.tooltip; });
breaks('enumOfField', (d, p) => { p.fieldConfig.defaults.custom.drawStyle = 'curve'; });
breaks('keyOfField', (d, p) => { p.fieldConfig.defaults.custom.lineWith = 2; });
breaks('overriddenKey', (d, p) => { p.fieldConfig.overrides.at(-1).properties.push({ id: 'custom.fillAbove', value: 'x' }); });
breaks('overriddenType', (d, p) => { p.fieldConfig.overrides.at(-1).properties.push({ id: 'custom.fillBelowTo', value: 3 }); });
breaks('cellType', (d, p, table) => { table.fieldConfig.defaults.custom.cellOptions = { type: 'picture' }; });

for (const schema of PACKAGES) {
  const { version } = JSON.parse(readFileSync(join(here, 'node_modules', schema, 'package.json'), 'utf8'));
  const wrong = compare(schema, { ...dashboards, ...broken });
  for (const name of Object.keys(dashboards)) check(wrong[name].length === 0, `Grafana ${version}: ${name}.json is a dashboard`, wrong[name]);
  for (const name of Object.keys(broken)) check(wrong[name].length === 1, `Grafana ${version}: one mistake is found, ${name}`, wrong[name].length === 1 ? [] : wrong[name]);
}
console.log(`1..${steps}`);
process.exit(failures ? 1 : 0);
