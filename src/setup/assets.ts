import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import type { SetupContext } from './visit.ts'

interface Asset {
  readonly type: string
  readonly plain: Buffer<ArrayBuffer>
  readonly packed: Buffer<ArrayBuffer>
  readonly hash: string
}

const pico = new URL('../../node_modules/@picocss/pico/css/pico.classless.min.css', import.meta.url)

/** Everything that pages load: it is part of the program, and nothing comes from elsewhere. */
const assets = {
  'pico.css': load(pico, 'text/css; charset=utf-8'),
  'page.css': load(new URL('./assets/page.css', import.meta.url), 'text/css; charset=utf-8'),
  'page.js': load(new URL('./assets/page.js', import.meta.url), 'text/javascript; charset=utf-8'),
  'icon.svg': load(new URL('./assets/icon.svg', import.meta.url), 'image/svg+xml'),
} as const

function load(file: URL, type: string): Asset {
  const plain = Buffer.from(readFileSync(file))
  const hash = createHash('sha256').update(plain).digest('base64url').slice(0, 12)
  return { type, plain, packed: Buffer.from(gzipSync(plain)), hash }
}

/** Changes with the content, so that browsers may keep it. */
export function assetPath(name: keyof typeof assets): string {
  return `/assets/${assets[name].hash}/${name}`
}

/** Undefined: there is none of this name. */
export function serveAsset(context: SetupContext, name: string): Response | undefined {
  if (!Object.hasOwn(assets, name)) return undefined
  const { type, plain, packed } = assets[name as keyof typeof assets]
  const gzip = /\bgzip\b/.test(context.req.header('accept-encoding') ?? '')
  const headers: Record<string, string> = {
    'content-type': type,
    'cache-control': 'public, max-age=31536000, immutable',
    vary: 'accept-encoding',
  }
  if (gzip) headers['content-encoding'] = 'gzip'
  return context.body(gzip ? packed : plain, 200, headers)
}
