/** What the terminal says about the owner's page; both languages, since nobody has chosen one yet. */
export async function claimAnnouncement(urls: readonly string[], code: string | undefined): Promise<readonly string[]> {
  const [first = ''] = urls
  if (code === undefined) return [`The owner's page is at ${urls.join(' and ')}`]
  // Only here: needed once in the life of a box.
  const { toString: drawQr } = await import('qrcode')
  const picture = await drawQr(first, { type: 'utf8', errorCorrectionLevel: 'L' })
  return [
    '',
    'Nobody owns this box yet. Open its page in a browser, on this machine or in its network, and enter the code.',
    'Diese Box gehört noch niemandem. Öffnen Sie ihre Seite im Browser und geben Sie dort den Code ein.',
    '',
    ...urls.map((url) => `  ${url}`),
    '',
    `  Code: ${code}`,
    '',
    picture,
  ]
}
