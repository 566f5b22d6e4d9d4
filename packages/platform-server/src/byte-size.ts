const UNITS: Readonly<Record<string, number>> = { MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 }

/** Read a size such as `10GiB`. @returns bytes; `undefined` for any other text, and for none at all. */
export function parseByteSize(text: string): number | undefined {
  const [, digits, unit = ''] = /^([1-9][0-9]{0,5})([MGT]iB)$/.exec(text) ?? []
  const factor = UNITS[unit]
  return digits && factor ? Number(digits) * factor : undefined
}
