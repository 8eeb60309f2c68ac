import { existsSync, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import axe from 'axe-core'
import { type Browser, chromium, type Page } from 'playwright-core'
import { expect } from 'vitest'

const executable = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync)
/** Undefined: there is no browser here, and what needs one is skipped. */
export const browserMissing =
  executable === undefined ? 'SKIPPED: there is no Chromium (apt-get install chromium), so nobody looked at the pages' : undefined

/** Git ignores it. */
const pictures = resolve(import.meta.dirname, '..', '..', 'coverage', 'screenshots')

export function launchBrowser(): Promise<Browser> {
  mkdirSync(pictures, { recursive: true })
  return chromium.launch({
    executablePath: executable ?? '',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

const desktop = { width: 1200, height: 800 }
const phone = { width: 390, height: 844 }
/** Bytes that a page may bring over the network, pictures not counted. */
const maxWeight = 60 * 1024

/** Looks at a page as everybody may have to use it, keeps pictures of it, and has axe look for what keeps people out. */
export async function inspect(page: Page, name: string): Promise<void> {
  const faults: string[] = []
  for (const [kind, viewport] of [
    ['desktop', desktop],
    ['phone', phone],
  ] as const) {
    await page.setViewportSize(viewport)
    await page.screenshot({ path: join(pictures, `${name}-${kind}.png`), fullPage: true })
    if (await overflows(page)) faults.push(`${kind}: wider than the screen`)
  }
  await page.setViewportSize(desktop)
  await page.evaluate("document.documentElement.style.fontSize = '212%'")
  if (await overflows(page)) faults.push('text at 200 %: wider than the screen')
  await page.evaluate("document.documentElement.style.fontSize = ''")
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await page.evaluate(axe.source)
    const { violations } = await page.evaluate<{ violations: { id: string; nodes: { html: string }[] }[] }>('axe.run()')
    for (const { id, nodes } of violations)
      faults.push(
        `${colorScheme}: ${id}: ${nodes
          .map(({ html }) => html)
          .join(' ')
          .slice(0, 300)}`,
      )
  }
  await page.emulateMedia({ colorScheme: 'light' })
  if (faults.length > 0) throw new Error(`${name}: ${faults.join('\n')}`)
}

function overflows(page: Page): Promise<boolean> {
  return page.evaluate<boolean>('document.documentElement.scrollWidth > window.innerWidth')
}

/** What a page brought over the network. */
export async function expectLight(page: Page): Promise<void> {
  const weight = await page.evaluate<number>(
    "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')].reduce((sum, entry) => sum + (entry.encodedBodySize ?? 0), 0)",
  )
  expect(weight).toBeGreaterThan(1000)
  expect(weight).toBeLessThan(maxWeight)
}
