// The Nu HTML checker has no error to report on any page.
import assert from 'node:assert/strict';
import {execFile} from 'node:child_process';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';
import {test} from 'node:test';
import {fileOf, folder, pages} from './lib/site.mjs';

const run = promisify(execFile);
const jar = fileURLToPath(new URL('node_modules/vnu-jar/build/dist/vnu.jar', import.meta.url));
const java = await run('java', ['-version']).then(() => true, () => false);

test('valid HTML', {skip: !java && 'java is not installed'}, async () => {
  const files = pages().map(path => join(folder, fileOf(path)));
  const {stderr} = await run('java', ['-jar', jar, '--exit-zero-always', '--format', 'json', ...files], {maxBuffer: 1 << 26});
  const messages = JSON.parse(stderr).messages.filter(({type, subType}) => type !== 'info' || subType === 'warning');
  const text = messages.map(m => `${m.type} ${m.url.replace(/^.*public\//, '')}:${m.lastLine}:${m.lastColumn} ${m.message} ${m.extract ?? ''}`);
  assert.deepEqual(text.filter(line => line.startsWith('error') || line.startsWith('non-document-error')), []);
});
