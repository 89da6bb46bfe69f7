import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { setDefaultTracker, Tracker, trackRun, trackStage } from '@runspine/client';

const { values } = parseArgs({ options: { rates: { type: 'string', default: 'rates-january.json' } } });

// A nightly job has time: it may look for a checkpoint longer than the 250 ms that are the default.
const tracker = new Tracker({ checkpointMs: 5000 });
setDefaultTracker(tracker);

try {
  await trackRun({ name: 'nightly orders', kind: 'pipeline', tags: { rates: values.rates } }, nightly);
} catch (error) {
  // The run and its stage are recorded as failed by now, with this error.
  console.error(`The pipeline failed: ${error.message}`);
  process.exitCode = 1;
}
// What was recorded is on its way: this waits for it, or leaves it on disk while nobody answers.
await tracker.close();

/** Three stages. A stage that an earlier run did, by the same code, from the same input, is not done again. */
async function nightly(run) {
  const csv = await read('orders.csv');
  const orders = await stage({ stage: 'extract', input: csv }, () => extract(csv));

  const config = { rates: values.rates };
  const rates = JSON.parse(await read(values.rates));
  const converted = await stage({ stage: 'convert', input: { orders, rates }, config }, (part) =>
    convert(part, orders, rates),
  );

  const totals = await stage({ stage: 'report', input: converted }, () => report(converted));
  for (const { customer, eur } of totals) console.log(`  ${customer.padEnd(10)} ${eur.toFixed(2).padStart(9)} EUR`);
  console.log(`run ${run.id}`);
  return totals;
}

/** A tracked stage with a checkpoint, that says whether it was executed. */
async function stage(options, work) {
  let how = 'from its checkpoint';
  const result = await trackStage({ ...options, checkpoint: true }, (part) => {
    how = 'executed';
    return work(part);
  });
  console.log(`${options.stage.padEnd(8)} ${result.length} rows, ${how}`);
  return result;
}

function extract(csv) {
  const [header, ...lines] = csv.trim().split('\n');
  const names = header.split(',');
  return lines.map((line) => {
    const cells = line.split(',');
    return Object.fromEntries(names.map((name, at) => [name, cells[at]]));
  });
}

/** A task a currency: each is a step of the stage's run. */
async function convert(part, orders, rates) {
  const converted = [];
  for (const currency of [...new Set(orders.map((order) => order.currency))].sort()) {
    const ofCurrency = orders.filter((order) => order.currency === currency);
    const inputs = { currency, orders: ofCurrency.length };
    await part.task({ name: `convert ${currency}`, kind: 'transform', inputs }, () => {
      const rate = rates[currency];
      if (rate === undefined) throw new Error(`${values.rates} has no rate for ${currency}`);
      for (const order of ofCurrency) converted.push({ customer: order.customer, eur: order.amount * rate });
    });
  }
  return converted;
}

function report(converted) {
  const totals = new Map();
  for (const { customer, eur } of converted) totals.set(customer, (totals.get(customer) ?? 0) + eur);
  return [...totals].map(([customer, eur]) => ({ customer, eur: Math.round(eur * 100) / 100 }));
}

function read(name) {
  return readFile(new URL(name, import.meta.url), 'utf8');
}
