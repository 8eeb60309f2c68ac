import { type Html, html, raw } from './html.ts'

/** A QR code as a picture in the page; `label` tells those who cannot see it what it is. */
export async function qrPicture(content: string, label: string): Promise<Html> {
  const { toString: draw } = await import('qrcode')
  const svg = await draw(content, { type: 'svg', errorCorrectionLevel: 'M', margin: 2 })
  return html`<div class="qr" role="img" aria-label="${label}">${raw(svg)}</div>`
}
