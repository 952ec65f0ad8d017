// One line of JSON for every finished test, and what tests print, for browser_test.go.
export default async function* reporter(events) {
  for await (const {type, data} of events) {
    if (type === 'test:stdout') yield data.message;
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    if (data.details?.type === 'suite') continue;
    const error = data.details?.error;
    yield JSON.stringify({
      file: data.file, name: data.name, ok: type === 'test:pass', ms: Math.round(data.details?.duration_ms ?? 0),
      skip: data.skip === true ? 'skipped' : data.skip || undefined,
      error: error ? String(error.cause?.stack ?? error.cause ?? error.stack ?? error) : undefined,
    }) + '\n';
  }
}
