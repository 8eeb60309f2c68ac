// One HTTP client for one server: kept-alive connections, as many as there are requests under way, bodies as buffers.

import * as http from 'node:http'
import * as https from 'node:https'

/**
 * @typedef {object} Answer
 * @property {number} status
 * @property {Buffer} body
 * @property {number} began just before the request was written, on the clock of `performance.now()`
 * @property {number} ended when the last byte of the body had arrived
 *
 * @param {string} baseUrl
 * @returns {(method: string, path: string, options?: { token?: string, json?: unknown, body?: Buffer, type?: string, timeout?: number }) => Promise<Answer>}
 */
export function httpClient(baseUrl) {
  const { protocol, hostname, port } = new URL(baseUrl)
  const { request, Agent } = protocol === 'https:' ? https : http
  const agent = new Agent({ keepAlive: true, maxFreeSockets: Infinity })

  const exchange = (options, body, began) =>
    new Promise((resolve, reject) => {
      const outgoing = request(options, (incoming) => {
        const chunks = []
        incoming.on('data', (chunk) => chunks.push(chunk))
        incoming.on('end', () =>
          resolve({
            status: incoming.statusCode,
            body: chunks.length === 1 ? chunks[0] : Buffer.concat(chunks),
            began,
            ended: performance.now(),
          }),
        )
        incoming.on('error', reject)
      })
      outgoing.on('timeout', () => outgoing.destroy(Object.assign(new Error('no answer in time'), { code: 'TIMEOUT' })))
      outgoing.on('error', (error) =>
        reject(Object.assign(error, { stale: outgoing.reusedSocket && error.code === 'ECONNRESET' })),
      )
      outgoing.end(body)
    })

  return async function call(method, path, { token, json, body, type = 'application/json', timeout = 60_000 } = {}) {
    const content = json === undefined ? body : JSON.stringify(json)
    const headers = {}
    if (token) headers.authorization = `Bearer ${token}`
    if (content !== undefined) {
      headers['content-type'] = type
      headers['content-length'] = Buffer.byteLength(content)
    }
    const options = { agent, hostname, port, method, path, headers, timeout }
    const began = performance.now()
    try {
      return await exchange(options, content, began)
    } catch (error) {
      if (!error.stale) throw error // the server closed an idle connection while we took it up again
      return exchange(options, content, began)
    }
  }
}
