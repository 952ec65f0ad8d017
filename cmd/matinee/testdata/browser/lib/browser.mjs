// The browser of a test file. CHROMIUM names the program; /usr/bin/chromium when not given.
import {chromium} from 'playwright-core';

let running;

// The browser of this test file, started when first needed.
export function browser() {
  running ??= chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--allow-file-access-from-files',
    ],
  });
  return running;
}

export async function close() {
  await (await running)?.close();
}
