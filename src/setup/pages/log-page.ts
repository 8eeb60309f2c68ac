import { answerOf } from '../answers.ts'
import { type AuditEntry, auditPage, writeAudit } from '../audit-log.ts'
import { asOwner } from '../guard.ts'
import { html, nothing } from '../html.ts'
import { page } from '../layout.ts'
import type { PageDeps } from '../page-deps.ts'
import { timeText } from '../texts.ts'
import type { SetupApp } from '../visit.ts'

const perPage = 100
/** Entries of a download. */
const maxExport = 50_000

/** The log of all acts. */
export function logPage(app: SetupApp, { storage, clock }: PageDeps): void {
  app.get(
    '/log',
    asOwner((context, visit) => {
      const { text, language } = visit
      const asked = Number(context.req.query('before'))
      const before = Number.isSafeInteger(asked) && asked > 0 ? asked : undefined
      const entries = auditPage(storage.reader, perPage, before)
      const rows = entries.map(
        ({ at, who, act, subject }) =>
          html`<tr><td>${timeText(language, at)}</td><td>${who}</td><td>${text(`audit.${act}`)}${subject === '' ? nothing : html`<br><small>${subject}</small>`}</td></tr>`,
      )
      const last = entries.at(-1)
      return context.html(
        page(visit, {
          title: text('log.title'),
          practice: answerOf(storage.reader, 'practice')?.name,
          section: 'log',
          content: html`<article><h1>${text('log.title')}</h1><p>${text('log.intro')}</p>
<div class="scroll"><table class="stack"><thead><tr><th scope="col">${text('log.when')}</th><th scope="col">${text('log.who')}</th><th scope="col">${text('log.what')}</th></tr></thead>
<tbody>${rows.length > 0 ? rows : html`<tr><td colspan="3">${text('log.empty')}</td></tr>`}</tbody></table></div>
<div class="actions"><a role="button" class="quiet" href="/log/export">${text('log.export')}</a>
${last && entries.length === perPage ? html`<a href="/log?before=${last.id}">${text('log.older')}</a>` : nothing}</div></article>`,
        }),
      )
    }),
  )

  app.get(
    '/log/export',
    asOwner(async (context, visit, owner) => {
      const entries = auditPage(storage.reader, maxExport)
      const titles = [visit.text('log.when'), visit.text('log.who'), visit.text('log.what'), '']
      const line = ({ at, who, act, subject }: AuditEntry) => [
        new Date(at).toISOString(),
        who,
        visit.text(`audit.${act}`),
        subject,
      ]
      const table = [titles, ...entries.map(line)].map((cells) => cells.map(csvCell).join(';')).join('\r\n')
      await storage.write((tx) => writeAudit(tx, { at: clock.now(), who: owner, act: 'log-exported', subject: '' }))
      return context.body(`\uFEFF${table}\r\n`, 200, {
        'content-type': 'text/csv; charset=utf-8',
        'content-disposition': 'attachment; filename="hausbote-log.csv"',
      })
    }),
  )
}

/** Source: RFC 4180. A cell that a spreadsheet would take for a formula begins with an apostrophe. */
function csvCell(text: string): string {
  const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[";\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}
