import { html, raw } from 'hono/html'

/** Text with markup: what is put into it is escaped. */
export type Html = ReturnType<typeof html>
export { html, raw }

export const nothing = html``
