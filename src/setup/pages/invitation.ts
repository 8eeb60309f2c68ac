import type { UserId } from '../../matrix/identifiers.ts'
import { type Html, html, nothing } from '../html.ts'
import { page } from '../layout.ts'
import type { PageDeps } from '../page-deps.ts'
import { qrPicture } from '../qr.ts'
import type { Visit } from '../visit.ts'
import { nextStep, stepList } from '../wizard.ts'

interface Invitation {
  readonly userId: UserId
  readonly name: string
  readonly link: string
}

const loopback = /^(localhost|127\.|\[::1\])/

/** Where phones in the practice's network open an invitation. */
function invitationUrl({ host }: Visit, { pageUrls }: PageDeps, link: string): { readonly url: string; readonly near: boolean } {
  const fromNetwork = pageUrls().find((url) => !loopback.test(new URL(url).host))
  const base = loopback.test(host) ? fromNetwork : `http://${host}`
  return { url: `${base ?? `http://${host}`}/welcome/${link}`, near: base === undefined }
}

/** Shows an invitation, this once. */
export async function invitationPage(visit: Visit, deps: PageDeps, { userId, name, link }: Invitation): Promise<Html> {
  const { text } = visit
  const { url, near } = invitationUrl(visit, deps, link)
  const inSetup = nextStep(deps.storage.reader) !== undefined
  const title = text('invite.title', { name })
  return page(visit, {
    title,
    ...(inSetup ? { before: stepList(visit, 'staff') } : { section: 'staff' }),
    content: html`<article><h1>${title}</h1>
${near ? html`<p class="alert">${text('invite.local')}</p>` : nothing}
<p>${text('invite.scan')}</p>
${await qrPicture(url, text('invite.qr'))}
<p>${text('invite.or')}<br><code>${url}</code></p>
<p>${text('invite.valid')}</p>
<div class="actions"><a role="button" href="${inSetup ? '/setup/staff' : '/staff'}">${text('invite.next')}</a>
<button type="button" class="quiet" data-copy="${url}" data-copied="${text('frame.copied')}" hidden>${text('frame.copy')}</button>
<button type="button" class="quiet" data-print hidden>${text('frame.print')}</button>
${inSetup ? nothing : html`<a href="/staff/${encodeURIComponent(userId)}">${text('invite.person', { name })}</a>`}</div></article>`,
  })
}
