import { readBody } from '../http/json-body.ts'

/** Bytes of a form. */
const maxForm = 64 * 1024
const type = 'application/x-www-form-urlencoded'

/** What a visitor sent. */
export interface Form {
  /** One line without blanks around it; empty: the field was not sent. */
  line(name: string): string
  /** As it was sent: passwords. */
  raw(name: string): string
  /** All values of a field, such as boxes that are ticked. */
  all(name: string): readonly string[]
}

export function formOf(fields: URLSearchParams): Form {
  const raw = (name: string) => fields.get(name) ?? ''
  return {
    raw,
    line: (name) =>
      raw(name)
        .replaceAll(/[\s\p{Cc}\p{Cf}]+/gu, ' ')
        .trim(),
    all: (name) => fields.getAll(name),
  }
}

/** Undefined: it is no form, or too large. */
export async function readForm(request: Request): Promise<Form | undefined> {
  if (request.headers.get('content-type')?.split(';')[0]?.trim() !== type) return undefined
  const read = await readBody(request, maxForm)
  return 'error' in read ? undefined : formOf(new URLSearchParams(read.text))
}
