// How the texts of settings are read: each function answers the value, or what is wrong with the text.
import { existsSync } from 'node:fs'
import { BlockList, isIP } from 'node:net'
import { resolve } from 'node:path'
import type { ListenAddress } from './http/listener.ts'
import { parseServerName, type ServerName } from './matrix/identifiers.ts'

export const oneOf =
  <const Value extends string>(...values: readonly Value[]) =>
  (text: string): { value: Value } | { problem: string } => {
    const value = values.find((candidate) => candidate === text)
    return value === undefined ? { problem: `must be one of: ${values.join(', ')}` } : { value }
  }

export const anyText = (text: string) => (text === '' ? { problem: 'must not be empty' } : { value: text })
export const directory = (text: string) => (text === '' ? { problem: 'must not be empty' } : { value: resolve(text) })
export const onOff = (text: string) => {
  const read = oneOf('on', 'off')(text)
  return 'problem' in read ? read : { value: read.value === 'on' }
}

export function existingFile(text: string): { value: string } | { problem: string } {
  return existsSync(text) ? { value: resolve(text) } : { problem: `there is no file ${text}` }
}

export function wholeNumber(least: number, most: number) {
  return (text: string): { value: number } | { problem: string } => {
    const value = /^\d{1,12}$/.test(text) ? Number(text) : Number.NaN
    return value >= least && value <= most ? { value } : { problem: `must be a whole number from ${least} to ${most}` }
  }
}

export function listenAddress(text: string): { value: ListenAddress } | { problem: string } {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:\s]+):(\d{1,5})$/.exec(text)
  const port = Number(match?.[2])
  if (!match?.[1] || port > 65535) return { problem: 'must be host:port, for example 127.0.0.1:8008' }
  return { value: { host: match[1].replace(/^\[|\]$/g, ''), port } }
}

export function optionalListenAddress(text: string): { value: ListenAddress | undefined } | { problem: string } {
  return text === 'off' ? { value: undefined } : listenAddress(text)
}

export function networks(text: string): { value: BlockList } | { problem: string } {
  const list = new BlockList()
  for (const entry of text.split(',').map((part) => part.trim())) {
    if (entry === '') continue
    const [, address = '', prefix] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? []
    const family = isIP(address)
    const most = family === 6 ? 128 : 32
    const bits = prefix === undefined ? most : Number(prefix)
    if (family === 0 || bits > most) return { problem: `${entry} is not a network such as 127.0.0.0/8` }
    list.addSubnet(address, bits, family === 6 ? 'ipv6' : 'ipv4')
  }
  return { value: list }
}

export function loopback(): BlockList {
  const list = new BlockList()
  list.addSubnet('127.0.0.0', 8)
  list.addAddress('::1', 'ipv6')
  return list
}

export function httpUrl(text: string): { value: string } | { problem: string } {
  return URL.canParse(text) && /^https?:/.test(text)
    ? { value: text.replace(/\/+$/, '') }
    : { problem: 'must be a URL such as https://chat.example.org' }
}

export function serverName(text: string): { value: string } | { problem: string } {
  return parseServerName(text) === undefined ? { problem: 'must be a host name, with a port if need be' } : { value: text }
}

/** Names of servers, comma-separated. */
export function serverNames(text: string): { value: readonly ServerName[] } | { problem: string } {
  const names: ServerName[] = []
  for (const entry of text.split(',').map((part) => part.trim())) {
    if (entry === '') continue
    const name = parseServerName(entry)
    if (!name) return { problem: `${entry} is not the name of a server` }
    names.push(name)
  }
  return names.length > 8 ? { problem: 'more than 8 servers' } : { value: names }
}
