import { Hono } from 'hono'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Milliseconds } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import { createHealth, type HealthDeps } from './health.ts'

export interface MetricsDeps extends HealthDeps {
  readonly log: Log
}

export interface Metrics {
  /** `/metrics` in the text format of Prometheus, and `/health`; for a listener of its own, since it tells about the server to everybody. */
  readonly app: Hono
  /** One answer of the client API; `path` is the endpoint's template. */
  observe(method: string, path: string, status: number, duration: Milliseconds): void
}

/** Seconds; long polls end at 30 as a rule. */
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
/** Other methods come from nowhere but curiosity, and must not make series of their own. */
const methods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'OPTIONS'])

/** Import this file only where somebody listens to it: the library costs memory and time at the start. */
export function createMetrics(deps: MetricsDeps): Metrics {
  const { storage, log } = deps
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const requests = new Counter({
    name: 'http_requests_total',
    help: 'Answers of the client API',
    labelNames: ['method', 'path', 'status'],
    registers,
  })
  const durations = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time until the answer; long polls wait on purpose',
    labelNames: ['method', 'path'],
    buckets,
    registers,
  })
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read())
      },
    })
  gauge('hausbote_position', 'The position that readers have reached', () => storage.reader.position)
  gauge('hausbote_waiting_syncs', 'Long polls that wait at the moment', () => storage.waiters.count)
  gauge('hausbote_wal_bytes', 'Size of the write-ahead log', () => storage.logBytes)

  const health = createHealth(deps)
  const app = new Hono()
  app.get('/metrics', async (context) => context.text(await registry.metrics(), 200, { 'content-type': registry.contentType }))
  app.get('/health', async (context) => {
    const state = await health()
    return context.json(state, state.status === 'ok' ? 200 : 503)
  })
  app.onError((error, context) => {
    log.error({ err: error, path: context.req.path }, 'request failed')
    return context.json({ status: 'failing', problem: 'internal' }, 500)
  })
  return {
    app,
    observe(given, path, status, duration) {
      const method = methods.has(given) ? given : 'other'
      requests.inc({ method, path, status })
      durations.observe({ method, path }, Math.max(0, duration) / 1000)
    },
  }
}
