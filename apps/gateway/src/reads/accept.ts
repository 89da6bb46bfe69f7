const JSON_TYPE = 'application/json';
/** The second is what some clients call it. */
const NDJSON_TYPES = ['application/x-ndjson', 'application/ndjson'];

/**
 * True where an Accept header (RFC 9110) prefers NDJSON to JSON, or names it and likes both alike. What is accepted by
 * a wildcard only is JSON, and so is what accepts neither: nobody is refused for a header that a browser made.
 */
export function prefersNdjson(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  const qualities = qualitiesOf(accept);
  const others = qualities.get('application/*') ?? qualities.get('*/*') ?? 0;
  const json = qualities.get(JSON_TYPE) ?? others;
  const named = NDJSON_TYPES.map((type) => qualities.get(type)).filter((quality) => quality !== undefined);
  if (named.length === 0) return others > json;
  const ndjson = Math.max(...named);
  return ndjson > 0 && ndjson >= json;
}

/** Each media range with its quality, from 0 (not at all) to 1; one that is no number counts as if it were not there. */
function qualitiesOf(accept: string): Map<string, number> {
  const qualities = new Map<string, number>();
  for (const part of accept.split(',')) {
    const [range = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
    const given = parameters.find((parameter) => /^q\s*=/.test(parameter));
    const quality = given === undefined ? 1 : Number(given.slice(given.indexOf('=') + 1));
    qualities.set(range, quality >= 0 && quality <= 1 ? quality : 1);
  }
  return qualities;
}
