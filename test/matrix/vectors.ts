import { readFileSync } from 'node:fs'

/** Contents of a file in test/vectors; its README says what the fields mean. Fails where nothing would be tested. */
export function loadVectors<File extends { readonly cases?: readonly unknown[]; readonly rooms?: readonly unknown[] }>(
  name: string,
): File {
  const file: File = JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8'))
  if ((file.cases ?? file.rooms ?? []).length === 0) throw new Error(`test/vectors/${name}.json has no cases`)
  return file
}
