import { describe, expect, it } from '@jest/globals';
import { tableLines } from './table.js';
import { Terminal } from './terminal.js';
import { clean, cleanLines, padded, truncated, widthOf, wrapped } from './text.js';
import {
  agoText,
  bytesText,
  clockText,
  costText,
  countText,
  durationText,
  percentText,
  timeOf,
  whenText,
} from './units.js';

const terminalOf = (columns: number, env: Record<string, string> = {}) =>
  new Terminal(
    {
      stdout: { write: () => true, isTTY: true, columns },
      stderr: { write: () => true },
      env: { LANG: 'C.UTF-8', ...env },
    },
    { json: false, colour: undefined },
  );

describe('units for people', () => {
  it.each([
    [null, ''],
    [0, '0 ms'],
    [0.4, '<1 ms'],
    [350, '350 ms'],
    [999.6, '1.0 s'],
    [1234, '1.2 s'],
    [9960, '10 s'],
    [80_000, '1m 20s'],
    [59_999, '1m 00s'],
    [7_500_000, '2h 05m'],
    [273_600_000, '3d 4h'],
    [-1500, '-1.5 s'],
  ])('%p ms is %p', (ms, text) => expect(durationText(ms)).toBe(text));

  it('says when', () => {
    const now = Date.parse('2026-01-31T12:00:00Z');
    const ago = (ms: number) => agoText(new Date(now - ms).toISOString(), now);
    expect([0, 12_000, 180_000, 7_200_000, 345_600_000, 63_072_000_000, -5000].map(ago)).toEqual([
      'now',
      '12s ago',
      '3m ago',
      '2h ago',
      '4d ago',
      '2y ago',
      'in 5s',
    ]);
    expect([agoText(null, now), agoText('x', now), clockText(null), whenText(null, now)]).toEqual(['', '', '', '']);
    expect(whenText('2026-01-31T11:00:00Z', now)).toMatch(/^1h ago \(2026-01-31 \d\d:00:00 [+-]\d\d:\d\d\)$/);
  });

  it('reads times as people write them', () => {
    const now = Date.parse('2026-01-31T12:00:00Z');
    expect(timeOf('7d', now)).toBe('2026-01-24T12:00:00.000Z');
    expect(timeOf('90m', now)).toBe('2026-01-31T10:30:00.000Z');
    expect(timeOf('2026-01-01', now)).toBe('2026-01-01T00:00:00.000Z');
    for (const wrong of ['yesterday', '7', '7y', '2026-99-01', ''])
      expect(() => timeOf(wrong, now)).toThrow('is no time');
  });

  it('counts', () => {
    expect([countText(1_234_567), countText(12.345), countText(undefined)]).toEqual(['1,234,567', '12.34', '']);
    expect([costText(12), costText(0.0123), costText(0), costText(null)]).toEqual(['$12.00', '$0.012', '$0.00', '']);
    expect([bytesText(12), bytesText(1536), bytesText(3 * 1024 ** 3)]).toEqual(['12 B', '1.5 KiB', '3.0 GiB']);
    expect([percentText(0), percentText(0.0123), percentText(0.5)]).toEqual(['0 %', '1.2 %', '50 %']);
  });
});

describe('text of others', () => {
  it('moves nothing on the terminal', () => {
    expect(clean('a\u001b[2Jb\u0007\u009bc\r\nd\te\u202ef')).toBe('a[2Jbc d  ef');
    expect(cleanLines('a\r\nb\u0000')).toBe('a\nb');
  });

  it('is cut and broken by columns, not by characters', () => {
    expect(truncated('日本語のテキスト', 7)).toBe('日本語…');
    expect(widthOf(truncated('👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧', 5))).toBeLessThanOrEqual(5);
    expect(truncated('abc', 0)).toBe('');
    expect(padded('日', 4)).toBe('日  ');
    expect(wrapped('one two three', 7)).toEqual(['one two', 'three']);
    expect(wrapped('  indented text that is long', 12)).toEqual(['  indented', '  text that', '  is long']);
    expect(wrapped('abcdefghij', 4)).toEqual(['abcd', 'efgh', 'ij']);
    for (const line of wrapped('日本語 '.repeat(20), 9)) expect(widthOf(line)).toBeLessThanOrEqual(9);
  });
});

describe('a table', () => {
  const columns = [
    { title: 'A', value: (item: string) => item, min: 4 },
    { title: 'B', value: () => 'fixed' },
  ];

  it('cuts what may be cut to the width', () => {
    const lines = tableLines(terminalOf(20, { NO_COLOR: '1' }), columns, ['x'.repeat(50), '日本'.repeat(20)]);
    for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(20);
    expect(lines[1]).toBe(`${'x'.repeat(12)}…  fixed`);
    expect(tableLines(terminalOf(20, { LANG: 'C', NO_COLOR: '1' }), columns, ['x'.repeat(50)])[1]).toContain('~');
  });
});
