// What axe-core has to complain about.
import {readFileSync} from 'node:fs';

const axe = readFileSync(new URL(import.meta.resolve('axe-core/axe.min.js')), 'utf8');

// Everything it finds on a page, in words.
export async function violations(page) {
  await page.evaluate(axe);
  const results = await page.evaluate(() => window.axe.run(document, {rules: {'target-size': {enabled: true}}}));
  return results.violations.flatMap(({id, nodes}) => nodes.map(node => `${id}: ${node.html.slice(0, 200)} (${node.failureSummary})`));
}
